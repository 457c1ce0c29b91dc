import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';
import { readCriteria } from './matrix-criteria.ts';
import { type Line, printMatrix } from './matrix-print.ts';
import { readQueries, readTypes } from './matrix-reads.ts';
import { type Observation, readAgain, readRows } from './matrix-rows.ts';
import { runMutations } from './matrix-runs.ts';
import { coordinates, unexplained } from './matrix-samples.ts';
import { listen } from './matrix-streams.ts';
import { type Persona, personas } from './matrix-truth.ts';
import { seedMatrix } from './matrix-world.ts';

const matrix = await seedMatrix(await startTestServer());
const rows = await readRows(matrix);
const again = await readAgain(matrix);
const others = [...(await readTypes(matrix)), ...(await readQueries(matrix)), ...(await readCriteria(matrix))];
const observed = [...rows, ...others, ...(await listen(matrix)), ...(await runMutations(matrix))];

describe('the rules', () => {
  it('are tried at every place of the schema, and nowhere else', () => {
    expect([...new Set(observed.map(({ coordinate }) => coordinate))].sort()).toEqual(coordinates().sort());
  });

  it('give every kind of caller what they say', () => {
    expect(observed.filter(({ verdict, predicted }) => verdict !== predicted).map(told)).toEqual([]);
  });

  it('give the same by every way to a row', () => {
    expect(again.filter(({ verdict, predicted }) => verdict !== predicted).map(told)).toEqual([]);
  });

  it('are told with each denial', () => {
    expect(observed.flatMap(({ answer, needs }) => (answer ? unexplained(answer, needs) : []))).toEqual([]);
  });

  it('amount to the table that was approved', async () => {
    await expect(printMatrix(lines(observed))).toMatchFileSnapshot('../../docs/AUTHORIZATION.md');
  });
});

const told = ({ coordinate, subject, persona, verdict, predicted }: Observation) =>
  `${coordinate} of ${subject || 'anybody'}, ${persona}: ${verdict}, by the rule ${predicted}`;

function lines(all: readonly Observation[]): Line[] {
  return [...Map.groupBy(all, ({ coordinate, subject }) => `${coordinate} ${subject}`).values()].map((line) => {
    const of = (persona: Persona) => line.find((one) => one.persona === persona)?.verdict;
    return { coordinate: line[0]?.coordinate ?? '', subject: line[0]?.subject ?? '', verdicts: personas.map(of) };
  });
}
