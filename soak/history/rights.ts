import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { globalId } from '../send-operation.ts';
import { type Account, anyOf, inOrder, insist, send, userIdOf, type World } from './actor.ts';
import type { Thing } from './history.ts';

// The right to administer the second domain: it ends with its grant, and is suspended while the domain is disabled.

const administered = ({ domains }: World) => domains[1] as World['domains'][number];

/** Changes the name of the domain by the right that an account has, or had. */
export async function useRight(world: World, account: Account): Promise<void> {
  const right = anyOf(account.rights.slice(-2)) as Thing | undefined;
  const session = anyOf(account.access.filter(({ kind, domain }) => kind === 'session' && domain === null).slice(-3));
  if (!right || !session) return;
  const sentAt = performance.now();
  const document = 'mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { id } } }';
  const input = { id: globalId('Domain', administered(world).id), displayName: `Two ${randomInt(1_000)}` };
  const { data } = await send(world, 'updateDomain', document, { input }, session.token);
  if (!data) return;
  world.history.use(session, sentAt, 'updateDomain');
  world.history.use(account.rights.find((one) => !world.history.endOf(one, sentAt)) ?? right, sentAt, 'updateDomain');
}

/** Revokes the right, or grants it again. */
export const toggleRight = (world: World, account: Account) =>
  inOrder(account, async () => {
    const input = { userId: userIdOf(account), role: 'ADMIN', domain: administered(world).name };
    if (account.hasRight) {
      const startedAt = performance.now();
      const document = 'mutation ($input: RevokeRoleInput!) { revokeRole(input: $input) { changed } }';
      if (!(await insist(world, 'revokeRole ADMIN', document, { input }))) return;
      account.hasRight = false;
      world.history.end('revokeRole ADMIN', startedAt, (thing) => thing.kind === 'right' && thing.account === account.id);
    } else {
      const document = 'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { changed } }';
      const { id, rights } = account;
      const kind = 'right';
      // It may be held before the answer arrives.
      const right = {
        kind,
        id: `${id} ${rights.length}`,
        account: id,
        domain: input.domain,
        password: null,
        openedAt: Number.POSITIVE_INFINITY,
      } as const;
      rights.push(right);
      account.hasRight = Boolean(await insist(world, 'grantRole ADMIN', document, { input }));
      rights.splice(rights.indexOf(right), 1, ...(account.hasRight ? [{ ...right, openedAt: performance.now() }] : []));
    }
  });

/** Disables the domain for a moment. No one has rights in it meanwhile. */
export const suspendRights = (world: World) => {
  const domain = administered(world);
  return inOrder(domain, async () => {
    const document = 'mutation ($id: ID!, $active: Boolean!) { updateDomain(input: { id: $id, active: $active }) { domain { id } } }';
    const change = (active: boolean) => insist(world, 'suspend rights', document, { id: globalId('Domain', domain.id), active });
    if (!(await change(false))) return;
    const end = world.history.end('updateDomain', 0, ({ kind }) => kind === 'right', Number.POSITIVE_INFINITY);
    await sleep(randomInt(1_000));
    end.until = performance.now();
    await change(true);
  });
};
