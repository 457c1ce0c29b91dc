import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import type { Prisma } from '../../src/database/generated/prisma/client.ts';
import { generateToken, hashToken } from '../../src/identity/tokens/opaque-token.ts';
import type { TestServer } from '../test-server.ts';
import type { Row } from './personas.ts';

type InvitationData = Pick<Prisma.InvitationUncheckedCreateInput, 'roleId' | 'domainId' | 'invitedById'>;

/** A pending invitation, unless `more` makes it another one. */
export function createInvitation(
  { db }: Pick<TestServer, 'db'>,
  data: InvitationData,
  more: Partial<Prisma.InvitationUncheckedCreateInput> = {},
) {
  const email = `${randomUUID()}@example.com`;
  return db.prisma.invitation.create({
    data: { email, emailKey: email, ...data, expiresAt: new Date(Date.now() + 3_600_000), ...more },
  });
}

/** The row of an invitation with a value in every field. */
export async function seedInvitation(server: Pick<TestServer, 'db'>, data: InvitationData): Promise<Row> {
  const { id } = await createInvitation(server, data, { acceptedAt: new Date(), revokedAt: new Date() });
  const shows: Row['shows'] = {
    role: { type: 'Role', kind: 'held role' },
    domain: { type: 'Domain', kind: 'active domain' },
    invitedBy: { type: 'User', kind: 'the granter' },
  };
  return { type: 'Invitation', kind: 'user', id: encodeGlobalID('Invitation', id), shows };
}

/** The token of the email link of a new invitation. */
export async function invitationLinkToken(server: Pick<TestServer, 'db'>, data: InvitationData): Promise<string> {
  const { id: invitationId, email, expiresAt } = await createInvitation(server, data);
  const token = generateToken('link');
  await server.db.prisma.emailLink.create({
    data: { id: randomUUID(), purpose: 'INVITATION', invitationId, email, emailKey: email, hash: hashToken(token), expiresAt },
  });
  return token;
}
