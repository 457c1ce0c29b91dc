import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { print, type Rule } from '../../src/authorization/rules/rule.ts';
import { inputFieldsOf, isTargetId, sampleInput } from '../matrix/input-samples.ts';
import { comparableResult, type TestUser } from '../test-server.ts';
import { access } from './access.ts';
import {
  abroad,
  allAtOnce,
  askers,
  closed,
  delegated,
  delegatedUntil,
  delegator,
  event,
  grantTo,
  hiddenFromDomain,
  hiddenUsers,
  holdsGrantElsewhere,
  inDays,
  inside,
  invitation,
  member,
  memberGrant,
  neighbor,
  reset,
  roleId,
  session,
  stranger,
} from './hidden-worlds.ts';

// Compares the answers to one caller in pairs of worlds that differ only in what the caller may not know. They must be equal to the byte,
// for every coordinate of the schema: data, error codes, messages and paths, and the audit events that the caller can see.

interface Question {
  readonly name: string;
  readonly document: string;
  readonly variables?: object;
  /** Questions that change something are asked one after the other. */
  readonly changes?: true;
}

interface Explained {
  readonly coordinate: string;
  readonly node?: { readonly type: string; readonly id: string } | undefined;
  readonly as?: string | undefined;
}

const nameOf = ({ coordinate, node, as }: Explained) =>
  `${coordinate}${node ? ` of ${node.type} ${node.id}` : ''}${as ? ' as the other' : ''}`;

/** Asks about several elements in one operation. */
function explain(asked: readonly Explained[], selection: string): Question {
  const fields = asked.map(({ coordinate, node, as }, index) => {
    const args = [`coordinate: "${coordinate}"`, as && `as: "${as}"`, node && `nodeId: "${encodeGlobalID(node.type, node.id)}"`];
    return `e${index}: explainAccess(${args.filter(Boolean).join(', ')}) { ${selection} }`;
  });
  return { name: `explainAccess ${asked.map(nameOf).join(', ')}`, document: `{ ${fields.join(' ')} }` };
}
const details = 'allowed rule tree wouldSatisfy satisfiedBy { id role { name } domain { name } }';

const inGroups = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));

const coordinates = [...access.rules.keys()].sort();

/** The model of the rows that an element is about: for the input of a mutation that of its target. */
function modelOf(coordinate: string): string | undefined {
  const input = /^(\w+)Input\./.exec(coordinate)?.[1];
  const mutation = input ? `Mutation.${input[0]?.toLowerCase()}${input.slice(1)}` : coordinate;
  return access.models.get(coordinate) ?? access.mutationTargets.get(mutation)?.model;
}

/** Every element about every row: some that the caller can see and some that they cannot. */
function elementsOfRows(among: readonly string[], { uuid }: Pick<TestUser, 'uuid'>, as?: string): Explained[] {
  const ids: Record<string, string[]> = {
    User: [uuid, neighbor.uuid],
    RoleGrant: [memberGrant.id],
    Domain: [inside.id, abroad.id, closed.id],
    Token: [session.id],
    Invitation: [invitation.id],
    AuditEvent: [event.id],
    Role: [roleId('KEEPER'), roleId('USER')],
  };
  return among.flatMap((coordinate) => {
    const type = modelOf(coordinate);
    return type ? (ids[type] ?? []).map((id) => ({ coordinate, node: { type, id }, as })) : [];
  });
}

/** One coordinate for each rule about each model: all that an explanation depends on. */
const representatives = [...new Map(coordinates.map((one) => [`${print(access.rules.get(one) as Rule)} ${modelOf(one)}`, one])).values()];

/** Every mutation of a user, with valid input. */
const mutationsOf = ({ id }: Pick<TestUser, 'id'>): Question[] =>
  [...access.mutationTargets].flatMap(([coordinate, { model }]) => {
    const name = coordinate.replace('Mutation.', '');
    const target = inputFieldsOf(name).find(isTargetId);
    if (model !== 'User' || !target) return [];
    const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
    const variables = { input: { ...sampleInput(name), [target.name]: id } };
    return [{ name, document: `mutation ($input: ${type}!) { ${name}(input: $input) { __typename } }`, variables, changes: true }];
  });

const checks = (questions: readonly Question[]): Question[] =>
  questions.map(({ name, document, variables }) => ({
    name: `checkOperation ${name}`,
    document: `query ($document: String!, $variables: JSON) { checkOperation(document: $document, variables: $variables) {
      allowed wouldSatisfy denied { coordinate path rule } undecided { coordinate path rule } } }`,
    variables: { document, variables },
  }));

const readsOf = ({ id }: Pick<TestUser, 'id'>): Question[] =>
  [
    `{ user(id: "${id}") { id email phone displayName enabled loginCount roles { id delegable expiresAt role { name } domain { name } } } }`,
    `{ node(id: "${id}") { id viewerAccess { readable writable operations { name allowed rule } } } }`,
    `{ user(id: "${id}") { tokens { totalCount edges { node { id } } } settings { totalCount edges { node { id } } } } }`,
    `{ tokenRevocations(userId: "${id}") { edges { node { tokenId } } pageInfo { hasNextPage } } }`,
    '{ tokenRevocations(domain: "abroad") { edges { node { tokenId } } } }',
    `{ auditEvents(filter: { user: "${id}" }) { totalCount edges { node { id action user { id } } } } }`,
    ...['role: "ADMIN"', 'role: "KEEPER"', 'domain: "abroad"', 'domain: "inside"', 'enabled: true', 'deleted: true'].map(
      (filter) => `{ users(filter: { ${filter} }) { totalCount edges { node { id } } } }`,
    ),
    '{ domains { totalCount edges { node { name active } } } roles { totalCount edges { node { name } } } }',
  ].map((document) => ({ name: document, document }));

const dryRuns = ({ id }: Pick<TestUser, 'id'>): Question[] =>
  ['USER', 'ADMIN', 'KEEPER', 'HELPER', 'UNKNOWN'].flatMap((role) =>
    [undefined, 'inside', 'abroad', 'closed'].map((domain) => ({
      name: `dry run of ${role} in ${domain}`,
      document: 'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { changed changes { coordinate gained lost } } }',
      variables: { input: { userId: id, role, domain, dryRun: true } },
      changes: true,
    })),
  );

/** Questions of the kinds that reveal most; the explanations of all elements have a test of their own. */
const briefQuestions = (other: TestUser): Question[] => {
  const asked = ['Mutation.updateDomain', 'Mutation.grantRole', 'Mutation.inviteUser', 'Query.users', 'Query.explainAccess(as:)'];
  return [
    ...inGroups(
      asked.map((coordinate) => ({ coordinate, as: other.id })),
      10,
    ).map((group) => explain(group, 'allowed rule')),
    ...elementsOfRows(['Mutation.updateDomain', 'Mutation.grantRole'], other, other.id).map((one) => explain([one], details)),
    ...readsOf(other),
    ...mutationsOf(other),
    auditSeen,
  ];
};

const auditSeen: Question = {
  name: 'audit events that the caller can see',
  document: '{ auditEvents(first: 100) { totalCount edges { node { action result reason actor { id } user { id } targetId details } } } }',
  changes: true,
};

const allQuestions = (other: TestUser): Question[] => [
  ...checks([...readsOf(other), ...mutationsOf(other)]),
  ...dryRuns(other),
  ...briefQuestions(other),
];

/** Grants and revocations of a delegator where they cannot see who holds the role. */
const delegations = ({ id }: Pick<TestUser, 'id'>): Question[] =>
  [undefined, 'abroad'].flatMap((domain) => {
    const ask = (verb: string, terms: object = {}): Question => ({
      name: `${verb} in ${domain} with ${JSON.stringify(terms)}`,
      document: `mutation ($input: ${verb === 'grantRole' ? 'GrantRoleInput' : 'RevokeRoleInput'}!) {
        ${verb}(input: $input) { changed ${verb === 'grantRole' ? 'grant { id }' : ''} } }`,
      variables: { input: { userId: id, role: 'HELPER', domain, ...terms } },
      changes: true,
    });
    const terms = [{ expiresAt: new Date(Date.now() + 7 * 86_400_000).toISOString() }, {}, { delegable: 1 }, { delegable: 2 }];
    return [...terms.map((one) => ask('grantRole', one)), auditSeen, ask('revokeRole'), { ...auditSeen, name: `${auditSeen.name}, then` }];
  });

/** The answers in a world, by question. */
async function answersIn(world: () => Promise<unknown>, asker: Pick<TestUser, 'query'>, questions: readonly Question[]) {
  await reset();
  await world();
  const answers = new Map<string, string>();
  const ask = async ({ name, document, variables }: Question) => {
    answers.set(name, JSON.stringify(comparableResult(await asker.query(document, variables))));
  };
  for (const group of inGroups(
    questions.filter(({ changes }) => !changes),
    8,
  ))
    await Promise.all(group.map(ask));
  for (const question of questions) {
    if (!question.changes) continue;
    await ask(question);
  }
  return answers;
}
const plain = async () => {};

const differing = (one: Map<string, string>, other: Map<string, string>) =>
  [...one].flatMap(([name, answer]) => (other.get(name) === answer ? [] : [`${name}: ${answer} and ${other.get(name)}`]));

/** A domain administrator can write a profile only if no other domain shares the user, and so learns whether one does (docs/decisions/0033). */
const isAboutProfileWrite = (name: string) => /updateUser|UpdateUserInput|viewerAccess/.test(name);

/** Compares every world with the plain one, and about writes of profiles those in which another domain shares the member with each other. */
async function compareWorlds(asker: TestUser, worlds: Record<string, () => Promise<unknown>>, questions: readonly Question[]) {
  const baseline = await answersIn(plain, asker, questions);
  const shared = await answersIn(hiddenFromDomain['USER in another domain'] as () => Promise<unknown>, asker, questions);
  for (const [world, make] of Object.entries(worlds)) {
    const expected = [...baseline].map(([name, answer]): [string, string] =>
      isAboutProfileWrite(name) && holdsGrantElsewhere(world) ? [name, shared.get(name) as string] : [name, answer],
    );
    expect(differing(new Map(expected), await answersIn(make, asker, questions)), world).toEqual([]);
  }
  return baseline;
}

describe('what a caller may not know', { timeout: 240_000 }, () => {
  const [administrator] = Object.entries(askers);

  it('changes no explanation of any coordinate', async () => {
    const asOther = coordinates.filter((one) => !isAboutProfileWrite(one)).map((coordinate) => ({ coordinate, as: member.id }));
    const rules = representatives.filter((one) => !isAboutProfileWrite(one));
    const questions = [
      ...inGroups(asOther, 10).map((group) => explain(group, 'allowed rule')),
      // One at a time: of two that are rejected, the answer has the error of the one that is decided first.
      ...elementsOfRows(rules, member, member.id).map((one) => explain([one], 'allowed rule wouldSatisfy')),
    ];
    const asker = administrator?.[1] as TestUser;
    const baseline = await answersIn(plain, asker, questions);
    expect(differing(baseline, await answersIn(allAtOnce, asker, questions))).toEqual([]);
    const codes = [...baseline.values()].map((answer) => /"code":"(\w+)"/.exec(answer)?.[1] ?? 'answered');
    expect(new Set(codes)).toEqual(new Set(['FORBIDDEN', 'NOT_FOUND', 'answered']));
  });

  it('changes no answer to a domain administrator', async () => {
    await compareWorlds(administrator?.[1] as TestUser, hiddenFromDomain, briefQuestions(member));
  });

  it.each(Object.entries(askers))('changes no check and no dry run of %s', async (_, asker) => {
    await compareWorlds(asker, { 'all at once': allAtOnce }, allQuestions(member));
  });

  it('changes no dry run of a delegation', async () => {
    const helper = { 'the delegated role in another domain': () => grantTo(member, 'HELPER', abroad.id) };
    const baseline = await compareWorlds(delegator, { 'all at once': allAtOnce, ...helper }, dryRuns(member));
    expect([...baseline.values()].some((answer) => answer.includes('"changed":true'))).toBe(true);
  });

  it('changes no answer to a delegator about grants that they cannot see', async () => {
    const abroadAndGlobal =
      (more: object = {}) =>
      () =>
        Promise.all([grantTo(member, 'HELPER', abroad.id, more), grantTo(member, 'HELPER', null, more)]);
    const worlds = {
      'granted by others': abroadAndGlobal(),
      'granted by others on other terms': abroadAndGlobal({ delegable: 1, expiresAt: inDays(3) }),
      'delegated by the caller before': abroadAndGlobal({ throughId: delegated.id }),
      'delegated by the caller from a grant that expires': () =>
        grantTo(member, 'HELPER', abroad.id, { throughId: delegatedUntil.id, expiresAt: inDays(5) }),
      expired: abroadAndGlobal({ expiresAt: inDays(-1) }),
    };
    const baseline = await compareWorlds(delegator, worlds, delegations(member));
    expect([...baseline.values()].filter((answer) => answer.includes('"changed":true')).length).toBe(8);
  });

  const [oneWorld] = Object.entries(hiddenUsers);
  const cases = Object.entries(askers).map(
    ([name, asker]) => [name, asker, name === administrator?.[0] ? hiddenUsers : Object.fromEntries([oneWorld as never])] as const,
  );
  it.each(cases)('tells %s nothing about a user that they cannot see', async (_, asker, worlds) => {
    const questions = briefQuestions(stranger);
    const baseline = await compareWorlds(asker, worlds, questions);
    const unknown = { id: encodeGlobalID('User', '01900000-0000-7000-8000-000000000000'), uuid: '01900000-0000-7000-8000-000000000000' };
    const withUnknownId = (text: string) => text.replaceAll(stranger.id, unknown.id).replaceAll(stranger.uuid, unknown.uuid);
    const aboutUnknown = questions.map((question) => JSON.parse(withUnknownId(JSON.stringify(question))) as Question);
    const renamed = new Map([...baseline].map(([name, answer]) => [withUnknownId(name), withUnknownId(answer)]));
    expect(differing(renamed, await answersIn(plain, asker, aboutUnknown))).toEqual([]);
  });
});
