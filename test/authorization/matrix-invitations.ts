import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import type { Prisma } from '../../src/database/generated/prisma/client.ts';
import { generateToken, hashToken } from '../../src/identity/tokens/opaque-token.ts';
import type { TestServer } from '../test-server.ts';
import type { Row } from './matrix-truth.ts';

type Promised = Pick<Prisma.InvitationUncheckedCreateInput, 'roleId' | 'domainId' | 'invitedById'>;

/** An invitation that can be accepted, unless `more` says otherwise. */
export function invite({ db }: Pick<TestServer, 'db'>, promised: Promised, more: Partial<Prisma.InvitationUncheckedCreateInput> = {}) {
  const email = `${randomUUID()}@example.com`;
  return db.prisma.invitation.create({
    data: { email, emailKey: email, ...promised, expiresAt: new Date(Date.now() + 3_600_000), ...more },
  });
}

/** The row of one to a held role in the domain, by the granter, with a value in every field. */
export async function invitation(server: Pick<TestServer, 'db'>, promised: Promised): Promise<Row> {
  const { id } = await invite(server, promised, { acceptedAt: new Date(), revokedAt: new Date() });
  const shows: Row['shows'] = {
    role: { type: 'Role', kind: 'held role' },
    domain: { type: 'Domain', kind: 'active domain' },
    invitedBy: { type: 'User', kind: 'the granter' },
  };
  return { type: 'Invitation', kind: 'user', id: encodeGlobalID('Invitation', id), shows };
}

/** The token of the link of a new one. */
export async function invitationLink(server: Pick<TestServer, 'db'>, promised: Promised): Promise<string> {
  const { id: invitationId, email: address, expiresAt } = await invite(server, promised);
  const token = generateToken('link');
  const link = {
    id: randomUUID(),
    purpose: 'INVITATION',
    invitationId,
    email: address,
    emailKey: address,
    hash: hashToken(token),
    expiresAt,
  } as const;
  await server.db.prisma.emailLink.create({ data: link });
  return token;
}
