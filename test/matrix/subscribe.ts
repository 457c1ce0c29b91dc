import { encodeGlobalID } from '@pothos/plugin-relay';
import type { ExecutionResult } from 'graphql';
import { any, type Rule } from '../../src/authorization/rules/rule.ts';
import { admin, domainAdmin } from '../../src/policy/conditions.ts';
import type { TestUser } from '../test-server.ts';
import { predictField, predictMutation, predictRoot, type Verdict } from './expected-verdicts.ts';
import { type Persona, personas, type Row, type RowKind, type Subject, subjects } from './personas.ts';
import type { Observation } from './read-rows.ts';
import { everyField, fieldsOf, verdictAt } from './schema-fields.ts';
import { type Data, type Matrix, sessionRow, subjectOf } from './seed.ts';

/** An open subscription and its results. */
interface Stream {
  readonly persona: Persona;
  readonly caller: TestUser | undefined;
  readonly domain: string | null;
  readonly received: ExecutionResult<Data>[];
}

/** The widest subscription that each persona may open. Others see only their own revocations. */
const widestArguments: Partial<Record<Persona, string>> = {
  'domain admin': '(domain: "inside")',
  'foreign domain admin': '(domain: "abroad")',
  'parent domain admin': '(domain: "inside")',
  admin: '(all: true)',
  superadmin: '(all: true)',
};

/** Observes which subscriptions each persona may open, and which fields of which revocations it receives. */
export async function observeSubscriptions(matrix: Matrix): Promise<Observation[]> {
  const open = opener(matrix);
  const asked = attempts(matrix).flatMap((one) =>
    personas.map((persona) => ({ ...one, persona, stream: open(persona, subjectOf(one.row?.kind), one.args) })),
  );
  const streams = new Map(
    subjects.flatMap((subject) =>
      personas.map((persona) => [keyOf(persona, subject), open(persona, subject, widestArguments[persona] ?? '')]),
    ),
  );
  const followed = [...new Set(streams.values())].filter(({ caller }) => caller);
  await awaitDelivery(matrix, followed);
  const ended = await revokeSessions(matrix);
  await awaitDelivery(matrix, followed);
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
      personas.flatMap((persona) => received(persona, row, streams.get(keyOf(persona, subjectOf(row.kind))) as Stream)),
    ),
  ];
}

/** A user who is visible but may not be followed is denied, like the target of a mutation. */
const ofStream = (coordinate: string, persona: Persona, row?: Row, needs?: Rule): Verdict =>
  row?.type === 'User' ? predictMutation(coordinate, persona, row) : predictRoot(coordinate, persona, row, needs);

interface Attempt {
  readonly coordinate: string;
  readonly about: string;
  readonly args: string;
  readonly row?: Row;
  readonly needs?: Rule;
}

function attempts({ rows }: Matrix): Attempt[] {
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

/** Opens each subscription once, with one socket per caller. */
function opener(matrix: Matrix) {
  const sockets = new Map<TestUser | undefined, ReturnType<TestUser['socket']>>();
  const streams = new Map<string, Stream>();
  return (persona: Persona, subject: Subject, args: string): Stream => {
    const caller = matrix.caller(persona, subject);
    const socket = sockets.get(caller) ?? caller?.socket() ?? matrix.socket();
    sockets.set(caller, socket);
    const key = `${caller?.id} ${args}`;
    const [, domain = ''] = /domain: "(\w+)"/.exec(args) ?? [];
    const stream = streams.get(key) ?? { persona, caller, domain: matrix.domains[domain] ?? null, received: [] };
    if (!streams.has(key)) {
      const query = `subscription { tokenRevoked${args} { ${everyField('TokenRevocation')} } }`;
      const error = (errors: unknown) => stream.received.push({ errors: errors as never });
      socket.subscribe({ query }, { next: (result) => stream.received.push(result as ExecutionResult<Data>), error, complete: () => {} });
    }
    streams.set(key, stream);
    return stream;
  };
}

const keyOf = (persona: Persona, subject: Subject) => (persona === 'self' ? `self of ${subject}` : persona);

/** Revokes sessions until every subscription has received one; everything before that has been delivered too. */
async function awaitDelivery(matrix: Matrix, streams: Stream[]) {
  await Promise.all(
    streams.map(async ({ persona, caller, domain, received }) => {
      for (let tries = 0; tries < 20; tries += 1) {
        const id = await revokeNewSession(matrix, caller?.uuid ?? '', domain);
        for (let waits = 0; waits < 50; waits += 1) {
          if (received.some(({ data }) => data?.tokenRevoked.tokenId === id)) return;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
      throw new Error(`${caller?.email} ${persona} ${domain} received nothing: ${JSON.stringify(received)}`);
    }),
  );
}

/** Revokes a session of every subject in the domain, and one of the plain user outside of it. */
async function revokeSessions(matrix: Matrix): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { kind, owner } of matrix.rows.filter((row) => row.type === 'Token')) {
    const userId = matrix.subjectUsers.get(subjectOf(kind))?.uuid ?? '';
    const id = await revokeNewSession(matrix, userId, kind === 'user, elsewhere' ? null : (matrix.domains.inside ?? null));
    rows.push({
      type: 'TokenRevocation',
      kind: kind as RowKind,
      id,
      ...(owner && { owner }),
      shows: { token: { type: 'Token', kind }, actor: { type: 'User', kind: 'the granter' } },
    });
  }
  return rows;
}

async function revokeNewSession(matrix: Matrix, userId: string, domainId: string | null): Promise<string> {
  const { id: uuid } = await matrix.db.prisma.token.create({ data: { ...sessionRow(userId), domainId } });
  const id = encodeGlobalID('Token', uuid);
  const { errors } = await matrix.queryAs(
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

/** The verdict on opening a subscription: a rejected one has an error as its first result. */
function opened({ received }: Stream): Verdict {
  const [first] = received;
  return first?.errors && !first.data
    ? verdictAt({ data: null, errors: first.errors.map((one) => ({ ...one, path: [] })) as never }, [])
    : '✔';
}

function received(persona: Persona, row: Row, stream: Stream): Observation[] {
  const event = stream.received.find(({ data }) => data?.tokenRevoked.tokenId === row.id);
  return fieldsOf('TokenRevocation').map(({ name }) => ({
    coordinate: `TokenRevocation.${name}`,
    subject: row.kind,
    persona,
    verdict: event ? verdictAt(event as never, ['tokenRevoked', name]) : '∅',
    predicted: predictField('TokenRevocation', name, persona, row),
    about: row,
  }));
}
