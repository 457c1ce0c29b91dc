import { encodeGlobalID } from '@pothos/plugin-relay';
import type { ExecutionResult } from 'graphql';
import { any, type Rule } from '../../src/authorization/rules/rule.ts';
import { admin, domainAdmin } from '../../src/policy/conditions.ts';
import type { TestUser } from '../test-server.ts';
import type { Observation } from './matrix-rows.ts';
import { everyField, fieldsOf, verdictAt } from './matrix-samples.ts';
import {
  type Kind,
  ofField,
  ofMutation,
  ofRoot,
  type Persona,
  personas,
  type Row,
  type Subject,
  subjects,
  type Verdict,
} from './matrix-truth.ts';
import { type Data, type SeededMatrix, session, subjectOf } from './matrix-world.ts';

/** A stream that somebody has opened, and all that came out of it. */
interface Stream {
  readonly persona: Persona;
  readonly caller: TestUser | undefined;
  readonly domain: string | null;
  readonly heard: ExecutionResult<Data>[];
}

/** The widest stream that each persona may open; those of nobody and of plain users say nothing. */
const widest: Partial<Record<Persona, string>> = {
  'domain admin': '(domain: "inside")',
  'foreign domain admin': '(domain: "abroad")',
  'parent domain admin': '(domain: "inside")',
  admin: '(all: true)',
  superadmin: '(all: true)',
};

/** Which streams each persona may open, and what each hears of the sessions that end. */
export async function listen(matrix: SeededMatrix): Promise<Observation[]> {
  const open = opener(matrix);
  const asked = attempts(matrix).flatMap((one) =>
    personas.map((persona) => ({ ...one, persona, stream: open(persona, subjectOf(one.row?.kind), one.args) })),
  );
  const streams = new Map(
    subjects.flatMap((subject) => personas.map((persona) => [keyOf(persona, subject), open(persona, subject, widest[persona] ?? '')])),
  );
  const followed = [...new Set(streams.values())].filter(({ caller }) => caller);
  await allHear(matrix, followed);
  const ended = await endSessions(matrix);
  await allHear(matrix, followed);
  return [
    ...asked.map(({ coordinate, about, row, needs, persona, stream }) => ({
      coordinate,
      subject: about,
      persona,
      verdict: opened(stream),
      predicted: ofStream(coordinate, persona, row, needs),
      about: row,
    })),
    ...ended.flatMap((row) =>
      personas.flatMap((persona) => heard(persona, row, streams.get(keyOf(persona, subjectOf(row.kind))) as Stream)),
    ),
  ];
}

/** A user whom one may know of but not follow is refused, as a row is to a mutation. */
const ofStream = (coordinate: string, persona: Persona, row?: Row, needs?: Rule): Verdict =>
  row?.type === 'User' ? ofMutation(coordinate, persona, row) : ofRoot(coordinate, persona, row, needs);

interface Attempt {
  readonly coordinate: string;
  readonly about: string;
  readonly args: string;
  readonly row?: Row;
  readonly needs?: Rule;
}

function attempts({ rows }: SeededMatrix): Attempt[] {
  const domain = rows.find((row) => row.kind === 'active domain') as Row;
  const users = rows.filter((row) => row.type === 'User');
  return [
    { coordinate: 'Subscription.tokenRevoked', about: '', args: '' },
    {
      coordinate: 'Subscription.tokenRevoked',
      about: 'the domain',
      args: '(domain: "inside")',
      row: domain,
      needs: any(domainAdmin, admin),
    },
    { coordinate: 'Subscription.tokenRevoked(all:)', about: '', args: '(all: true)' },
    ...users.map((row) => ({ coordinate: 'Subscription.tokenRevoked(userId:)', about: row.kind, args: `(userId: "${row.id}")`, row })),
  ];
}

/** Opens streams: one socket for each caller, and each stream once. */
function opener(matrix: SeededMatrix) {
  const sockets = new Map<TestUser | undefined, ReturnType<TestUser['socket']>>();
  const streams = new Map<string, Stream>();
  return (persona: Persona, subject: Subject, args: string): Stream => {
    const caller = matrix.caller(persona, subject);
    const socket = sockets.get(caller) ?? caller?.socket() ?? matrix.socket();
    sockets.set(caller, socket);
    const key = `${caller?.id} ${args}`;
    const [, domain = ''] = /domain: "(\w+)"/.exec(args) ?? [];
    const stream = streams.get(key) ?? { persona, caller, domain: matrix.domains[domain] ?? null, heard: [] };
    if (!streams.has(key)) {
      const query = `subscription { tokenRevoked${args} { ${everyField('TokenRevocation')} } }`;
      const error = (errors: unknown) => stream.heard.push({ errors: errors as never });
      socket.subscribe({ query }, { next: (result) => stream.heard.push(result as ExecutionResult<Data>), error, complete: () => {} });
    }
    streams.set(key, stream);
    return stream;
  };
}

const keyOf = (persona: Persona, subject: Subject) => (persona === 'self' ? `self of ${subject}` : persona);

/** Waits until every stream has heard of a session that ended now: what ended before and was to be heard has been heard. */
async function allHear(matrix: SeededMatrix, streams: Stream[]) {
  await Promise.all(
    streams.map(async ({ persona, caller, domain, heard }) => {
      for (let tries = 0; tries < 20; tries += 1) {
        const id = await end(matrix, caller?.uuid ?? '', domain);
        for (let waits = 0; waits < 50; waits += 1) {
          if (heard.some(({ data }) => data?.tokenRevoked.tokenId === id)) return;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
      throw new Error(`${caller?.email} ${persona} ${domain} hears nothing: ${JSON.stringify(heard)}`);
    }),
  );
}

/** Ends a session of every subject that was entered through the domain, and one of the plain user that was not. */
async function endSessions(matrix: SeededMatrix): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { kind, owner } of matrix.rows.filter((row) => row.type === 'Token')) {
    const userId = matrix.selves.get(subjectOf(kind))?.uuid ?? '';
    const id = await end(matrix, userId, kind === 'user, elsewhere' ? null : (matrix.domains.inside ?? null));
    rows.push({
      type: 'TokenRevocation',
      kind: kind as Kind,
      id,
      ...(owner && { owner }),
      shows: { token: { type: 'Token', kind }, actor: { type: 'User', kind: 'the granter' } },
    });
  }
  return rows;
}

async function end(matrix: SeededMatrix, userId: string, domainId: string | null): Promise<string> {
  const { id: uuid } = await matrix.db.prisma.token.create({ data: { ...session(userId), domainId } });
  const id = encodeGlobalID('Token', uuid);
  const { errors } = await matrix.ask(
    'superadmin',
    undefined,
    'mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { changed } }',
    {
      input: { id },
    },
  );
  if (errors) throw new Error(JSON.stringify(errors));
  return id;
}

/** A stream that was refused said so before anything else. */
function opened({ heard }: Stream): Verdict {
  const [first] = heard;
  return first?.errors && !first.data
    ? verdictAt({ data: null, errors: first.errors.map((one) => ({ ...one, path: [] })) as never }, [])
    : '✔';
}

function heard(persona: Persona, row: Row, stream: Stream): Observation[] {
  const event = stream.heard.find(({ data }) => data?.tokenRevoked.tokenId === row.id);
  return fieldsOf('TokenRevocation').map(({ name }) => ({
    coordinate: `TokenRevocation.${name}`,
    subject: row.kind,
    persona,
    verdict: event ? verdictAt(event as never, ['tokenRevoked', name]) : '∅',
    predicted: ofField('TokenRevocation', name, persona, row),
    about: row,
  }));
}
