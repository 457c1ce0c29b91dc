import { measureCommits } from './cluster-commits.ts';
import { measureLatency } from './cluster-latency.ts';
import { measureMass } from './cluster-mass.ts';
import { printTable } from './report.ts';
import { startServer, type World } from './world.ts';

const ms = (milliseconds: number) => `${milliseconds.toFixed(0)} ms`;

/** Three servers on one database: latency between them, joint commit rate, and what a mass revocation delays. */
export async function printCluster(on: World) {
  console.log('\nthree servers on one PostgreSQL, the servers together on one core');
  const rows: string[][] = [];
  for (const [name, heard] of Object.entries(await measureLatency(on))) {
    if (!heard) rows.push([`${name}: not measured, none answers`, '', '']);
    else rows.push([`${name}: commit to the last of 200 at other nodes`, ms(heard.last.p50), ms(heard.last.p99)]);
  }
  printTable(rows, ['one revocation', 'p50', 'p99']);
  const servers = await Promise.all([0, 1, 2].map(() => startServer(on.environment)));
  const { ours, locked, limit } = await measureCommits(on, servers);
  console.log('');
  printTable(
    [
      ['three servers: logout', ours.toFixed(0), (ours / limit).toFixed(2)],
      ['bare pg, the same statement', locked.toFixed(0), (locked / limit).toFixed(2)],
      ['bare pg, without the positions and their lock: the limit', limit.toFixed(0), '1'],
    ],
    ['revocations committed together', 'a second', 'of the limit'],
  );
  const { took, heldUp } = await measureMass(on, servers);
  console.log('');
  printTable(
    heldUp.map(({ name, calm, worst }) => [name, ms(calm), ms(worst)]),
    [`while 10,000 sessions of one domain end in ${ms(took)}`, 'p50 before', 'worst meanwhile'],
  );
}
