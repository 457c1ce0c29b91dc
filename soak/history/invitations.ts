import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { anyOf, insist, passwordText, send, type World } from './actor.ts';
import type { Thing } from './history.ts';
import { tokenOf } from './installation.ts';

/** Invites an address, and accepts and revokes the invitation at random moments: at most one of both may succeed, and only once. */
export async function inviteAndRevoke(world: World): Promise<void> {
  const email = `${randomUUID()}@history.test`;
  const domain = anyOf(world.domains);
  const invite = 'mutation ($input: InviteUserInput!) { inviteUser(input: $input) { invitation { id } } }';
  const { data } = await send(world, 'inviteUser', invite, { input: { email, role: 'USER', domain: domain.name } }, anyOf(world.admins));
  if (!data) return;
  const token = await linkTo(world, email);
  if (!token) return;
  const thing: Thing = { kind: 'invitation', id: email, account: email, domain: null, password: null, openedAt: performance.now() };
  const { id } = data.inviteUser.invitation;
  let accepted = 0;
  const accept = async () => {
    await sleep(randomInt(400));
    const sentAt = performance.now();
    const document = 'mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { made } }';
    const response = await send(world, 'acceptInvitation', document, { input: { token, password: passwordText(0) } });
    if (!response.data) return;
    accepted += 1;
    world.history.use(thing, sentAt, 'acceptInvitation');
  };
  const revoke = async () => {
    await sleep(randomInt(400));
    const startedAt = performance.now();
    const document = 'mutation ($id: ID!) { revokeInvitation(input: { id: $id }) { changed } }';
    const response = await insist(world, 'revokeInvitation', document, { id });
    if (response) world.history.end('revokeInvitation', startedAt, (one) => one === thing);
  };
  await Promise.all([accept(), revoke(), accept()]);
  await accept();
  if (accepted > 1) world.history.violations.push(`acceptInvitation accepted an invitation ${accepted} times (${email})`);
}

/** The token in the email to an address, once it was sent. */
async function linkTo({ emailsTo }: World, email: string): Promise<string | undefined> {
  for (let tries = 0; tries < 20; tries += 1) {
    await sleep(200);
    const tokens = (await emailsTo(email)).map((text) => tokenOf(text, '/invite'));
    if (tokens[0]) return tokens[0];
  }
  return undefined;
}
