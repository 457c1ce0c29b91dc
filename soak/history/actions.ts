import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { globalId, type OperationResponse } from '../send-operation.ts';
import { type Access, type Account, anyOf, chance, inOrder, insist, ofAccount, passwordText, send, userIdOf, type World } from './actor.ts';
import type { Thing } from './history.ts';
import { tokenOf } from './installation.ts';
import { suspendRights, toggleRight, useRight } from './rights.ts';

type Action = (world: World, account: Account) => Promise<unknown>;

const logIn: Action = async (world, account) => {
  const domain = chance(40) ? world.domains[0] : undefined;
  // After a change that was not acknowledged, any of several passwords may be the current one.
  for (const password of [...account.passwords].sort(() => randomInt(3) - 1)) if (await logInWith(world, account, password, domain)) return;
};

/** Returns false if the password was wrong. */
async function logInWith(world: World, account: Account, password: number, domain: World['domains'][number] | undefined) {
  const sentAt = performance.now();
  const { data, code } = await send(
    world,
    'login',
    'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken refreshToken token { id } } } }',
    { input: { email: account.email, password: passwordText(password), ...(domain && { domain: domain.name }) } },
  );
  if (!data) return code !== 'INVALID_CREDENTIALS';
  const { accessToken, refreshToken, token } = data.login;
  const id = Buffer.from(token.id, 'base64').toString().replace('Token:', '');
  const opened = { kind: 'session', id, account: account.id, domain: domain?.id ?? null, password, openedAt: performance.now() } as const;
  world.history.use(opened, sentAt, 'login');
  account.access.push({ ...opened, token: accessToken, refreshToken });
  return true;
}

const createApiToken: Action = async (world, account) => {
  const session = recent(account);
  const domain = chance(50) ? world.domains[0] : undefined;
  const sentAt = performance.now();
  const { data } = await send(
    world,
    'createApiToken',
    'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret token { id } } }',
    { input: { description: 'history', scopes: ['users:read', 'settings:write'], ...(domain && { domain: domain.name }) } },
    session?.token,
  );
  if (!data || !session) return;
  world.history.use(session, sentAt, 'createApiToken');
  const { secret, token } = data.createApiToken;
  const id = Buffer.from(token.id, 'base64').toString().replace('Token:', '');
  const opened = {
    kind: 'API token',
    id,
    account: account.id,
    domain: domain?.id ?? null,
    password: null,
    openedAt: performance.now(),
  } as const;
  world.history.use(opened, sentAt, 'createApiToken');
  account.access.push({ ...opened, token: secret });
};

/** One of the latest accesses, also one that has ended: that it is rejected is the point. */
const recent = ({ access }: Account) => anyOf(access.slice(-8)) as Access | undefined;

const read: Action = async (world, account) => {
  const access = recent(account);
  if (!access) return;
  const sentAt = performance.now();
  const { data } = await send(world, 'me', '{ me { id } }', {}, access.token);
  if (data) world.history.use(access, sentAt, 'me');
};

const write: Action = async (world, account) => {
  const access = recent(account);
  if (!access) return;
  account.settings += 1;
  const [sentAt, value] = [performance.now(), account.settings];
  const { data } = await send(
    world,
    'setSetting',
    'mutation ($input: SetSettingInput!) { setSetting(input: $input) { setting { key } } }',
    { input: { key: `k${value}`, value: 'x' } },
    access.token,
  );
  if (!data) return;
  world.history.use(access, sentAt, 'setSetting');
  account.acknowledgedSetting = Math.max(account.acknowledgedSetting, value);
  const { rows } = await world.pool
    .query('select 1 from "UserSetting" where "userId" = $1 and key = $2', [account.id, `k${value}`])
    .catch(() => ({ rows: [1] }));
  if (rows.length === 0) world.history.violations.push(`setSetting k${value} of ${account.id} was acknowledged but lost`);
};

const refresh: Action = async (world, account) => {
  const session = anyOf(account.access.filter(({ refreshToken }) => refreshToken).slice(-8)) as Access | undefined;
  if (!session?.refreshToken) return;
  const presented = session.refreshToken;
  const sentAt = performance.now();
  const attempt = () =>
    send(world, 'refresh', 'mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken refreshToken } }', {
      input: { refreshToken: presented },
    });
  const answers = (await Promise.all(chance(30) ? [attempt(), attempt()] : [attempt()])).flatMap(({ data }) => data ?? []);
  const successors = new Set(answers.map(({ refresh: { refreshToken } }) => refreshToken));
  if (successors.size > 1) world.history.violations.push(`refresh gave two successors of one token (${session.id})`);
  const [answer] = answers;
  if (!answer) return;
  world.history.use(session, sentAt, 'refresh');
  account.access.push({ ...session, token: answer.refresh.accessToken, refreshToken: answer.refresh.refreshToken });
};

const logOut: Action = async (world, account) => {
  const session = recent(account);
  if (session?.kind !== 'session') return;
  const startedAt = performance.now();
  const { data } = await send(world, 'logout', 'mutation { logout { ended } }', {}, session.token);
  if (data) world.history.end('logout', startedAt, ({ id }) => id === session.id);
};

const logOutEverywhere: Action = async (world, account) => {
  const session = recent(account);
  const startedAt = performance.now();
  const { data } = await send(world, 'logoutEverywhere', 'mutation { logoutEverywhere(input: {}) { ended } }', {}, session?.token);
  const matches = ofAccount(account);
  if (data) world.history.end('logoutEverywhere', startedAt, (thing) => matches(thing) && thing.kind === 'session');
};

const revokeToken: Action = async (world, account) => {
  const access = recent(account);
  if (!access) return;
  const startedAt = performance.now();
  const document = 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { changed } }';
  const done = await insist(world, 'revokeToken', document, { id: globalId('Token', access.id) });
  if (done) world.history.end('revokeToken', startedAt, ({ id }) => id === access.id);
};

/** Sets a new password by a request that may or may not be acknowledged. Sessions that an earlier password opened end, whenever they were opened. */
async function setPassword(
  world: World,
  account: Account,
  name: string,
  request: (text: string) => Promise<OperationResponse>,
  except?: string,
) {
  account.latest += 1;
  const number = account.latest;
  account.passwords.add(number);
  const { data, code } = await request(passwordText(number));
  if (data) {
    account.passwords = new Set([number]);
    const matches = ofAccount(account);
    const isOlder = ({ password, id }: Thing) => password !== null && password < number && id !== except;
    world.history.end(name, 0, (thing) => matches(thing) && isOlder(thing), Number.POSITIVE_INFINITY);
  } else if (code !== undefined && code !== 'UNAVAILABLE') account.passwords.delete(number);
  return data !== null;
}

const changePassword: Action = (world, account) =>
  inOrder(account, async () => {
    const session = recent(account);
    const currentPassword = passwordText(anyOf([...account.passwords]));
    const document = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { ended } }';
    const request = (newPassword: string) =>
      send(world, 'changePassword', document, { input: { currentPassword, newPassword } }, session?.token);
    await setPassword(world, account, 'changePassword', request, session?.id);
  });

const requestReset: Action = async (world, account) => {
  const document = 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }';
  await send(world, 'requestPasswordReset', document, { input: { email: account.email } });
  await sleep(800);
  for (const text of await world.emailsTo(account.email)) {
    const token = tokenOf(text, '/reset');
    if (!token || account.links.some((link) => link.token === token)) continue;
    const thing = {
      kind: 'link',
      id: token.slice(0, 12),
      account: account.id,
      domain: null,
      password: null,
      openedAt: performance.now(),
    } as const;
    account.links.push({ thing, token, isUsed: false });
  }
};

const resetPassword: Action = (world, account) =>
  inOrder(account, async () => {
    const link = anyOf(account.links.slice(-4)) as Account['links'][number] | undefined;
    if (!link) return;
    const document = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
    const startedAt = performance.now();
    const request = (newPassword: string) => send(world, 'resetPassword', document, { input: { token: link.token, newPassword } });
    if (!(await setPassword(world, account, 'resetPassword', request))) return;
    if (link.isUsed) world.history.violations.push(`resetPassword accepted a link twice (${link.thing.id})`);
    link.isUsed = true;
    world.history.use(link.thing, startedAt, 'resetPassword');
    world.history.end(
      'resetPassword',
      startedAt,
      (thing) => thing.account === account.id && (thing.kind === 'API token' || thing.kind === 'link'),
    );
  });

const toggleUser: Action = (world, account) =>
  inOrder(account, async () => {
    const document = (field: string) => `mutation ($id: ID!) { ${field}(input: { id: $id }) { changed } }`;
    const startedAt = performance.now();
    if (account.ends.disabled) {
      account.ends.disabled.openedBefore = startedAt;
      account.ends.disabled = undefined;
      await insist(world, 'enableUser', document('enableUser'), { id: userIdOf(account) });
    } else if (await insist(world, 'disableUser', document('disableUser'), { id: userIdOf(account) }))
      account.ends.disabled = world.history.end('disableUser', startedAt, ofAccount(account), Number.POSITIVE_INFINITY);
  });

const toggleDomain: Action = (world) => {
  const [domain] = world.domains as [World['domains'][number]];
  return inOrder(domain, async () => {
    const document = 'mutation ($id: ID!, $active: Boolean!) { updateDomain(input: { id: $id, active: $active }) { domain { id } } }';
    const change = (active: boolean) =>
      insist(world, active ? 'open domain' : 'close domain', document, { id: globalId('Domain', domain.id), active });
    const isIn = (thing: { domain: string | null; kind: string }) => thing.domain === domain.id && thing.kind !== 'right';
    if (!(await change(false))) return;
    const end = world.history.end('updateDomain', 0, isIn, Number.POSITIVE_INFINITY);
    await sleep(randomInt(1_000));
    end.openedBefore = performance.now();
    await change(true);
  });
};

const toggleGrant: Action = (world, account) =>
  inOrder(account, async () => {
    const [domain] = world.domains as [World['domains'][number]];
    const input = { userId: userIdOf(account), role: 'USER', domain: domain.name };
    const startedAt = performance.now();
    if (account.ends.grant) {
      account.ends.grant.openedBefore = startedAt;
      account.ends.grant = undefined;
      await insist(world, 'grantRole', 'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { changed } }', { input });
    } else if (
      await insist(world, 'revokeRole', 'mutation ($input: RevokeRoleInput!) { revokeRole(input: $input) { __typename } }', { input })
    ) {
      const matches = ofAccount(account);
      account.ends.grant = world.history.end(
        'revokeRole',
        startedAt,
        (thing) => matches(thing) && thing.domain === domain.id,
        Number.POSITIVE_INFINITY,
      );
    }
  });

/** Each action with its weight. More is opened than ended: otherwise there would be little to use. */
const weights: readonly (readonly [number, Action])[] = [
  [16, logIn],
  [20, read],
  [8, write],
  [12, refresh],
  [5, createApiToken],
  [1, logOut],
  [1, logOutEverywhere],
  [1, revokeToken],
  [1, changePassword],
  [2, requestReset],
  [1, resetPassword],
  [1, toggleUser],
  [1, toggleDomain],
  [1, toggleGrant],
  [8, useRight],
  [2, toggleRight],
  [1, suspendRights],
];

export const actions: readonly Action[] = weights.flatMap(([weight, action]) => Array(weight).fill(action));
