import { z } from 'zod';
import { all } from '../../authorization/rules/rule.ts';
import { onTransaction, sql, type Tx } from '../../database/database.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { type CreationScope, idempotencyKeyField, runCreation } from '../../graphql/idempotency.ts';
import { consume } from '../../identity/credentials/rate-limit.ts';
import { domainIds, lockDomainEntry } from '../../identity/domains/lock-domain.ts';
import { requireFutureExpiry } from '../../identity/expiry.ts';
import { hasNotEnded } from '../../identity/live-token.ts';
import { deriveApiToken, hashToken } from '../../identity/tokens/opaque-token.ts';
import type { Viewer } from '../../identity/viewer.ts';
import { nonBlankText, singleLineText, timestamp } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { confirmed, fresh, session } from '../../policy/conditions.ts';
import { isPermission } from '../../policy/permissions.ts';
import { Token } from './token.ts';

const purpose = 'API tokens';
const day = 86_400_000; // milliseconds
const defaultLifetime = 90 * day;
const maxLifetime = 366; // days
const maxTokens = 50; // per user; security.md F32

const scopes = z
  .array(z.string())
  .min(1, 'must not be empty')
  .max(100, 'must have at most 100 entries')
  .refine((names) => names.every(isPermission), 'must contain only known permissions');

builder.relayMutationField(
  'createApiToken',
  {
    inputFields: (t) => ({
      description: t.string({ required: true, validate: nonBlankText(120), description: 'A description, shown in the list of tokens.' }),
      scopes: t.stringList({ required: true, validate: scopes, description: 'The permissions that the token is limited to.' }),
      expiresAt: t.field({
        type: 'DateTime',
        validate: timestamp,
        description: 'Expiry. Defaults to 90 days; maximum 366 days.',
      }),
      domain: t.string({
        validate: singleLineText(63),
        description:
          'The name of a domain that the viewer may enter: by a role in it, ADMIN in a domain above it, or ADMIN or SUPERADMIN held globally. The token reaches only that domain and the domains below it, and is revoked when the viewer loses access to it.',
      }),
      idempotencyKey: idempotencyKeyField(t),
    }),
  },
  {
    description:
      'Creates an API token for the viewer. Its permissions are those of its owner at the time of use, limited to its scopes. At most 50 a day.',
    access: all(session, fresh, confirmed),
    resolve: (_, { input }, context, info) => {
      const requireEntry = async ({ tx, viewer }: Pick<CreationScope, 'tx' | 'viewer'>) =>
        input.domain == null ? null : requireDomain(tx, viewer, input.domain);
      const create = async ({ tx, viewer, audit, nonce }: CreationScope) => {
        const { id: userId } = viewer.user;
        const expiresAt = expiryOf(viewer, input.expiresAt);
        const domainId = await requireEntry({ tx, viewer });
        await enforceTokenLimit(tx, viewer);
        // In the transaction: a token that is not created does not count.
        await consume({ ...context, db: onTransaction(tx) }, { apiTokenByUser: userId });
        const secret = deriveApiToken(context.keys.secret(purpose), nonce, input.idempotencyKey);
        const token = await tx.token.create({
          data: {
            kind: 'API',
            userId,
            domainId,
            description: input.description,
            scopes: [...new Set(input.scopes)],
            createdFrom: context.client.network,
            userAgent: context.client.agent,
            authenticatedAt: viewer.token.authenticatedAt,
            expiresAt,
            idleExpiresAt: expiresAt,
            secrets: { create: { hash: hashToken(secret) } },
          },
        });
        await enqueueEmail(
          tx,
          'apiTokenCreated',
          { userId },
          {
            description: input.description,
            scopes: token.scopes,
            createdAt: token.createdAt.toISOString(),
            expiresAt: expiresAt.toISOString(),
            ...requestOrigin(context.client),
          },
        );
        await audit({ action: 'authn_token_created', userId, target: { type: 'Token', id: token.id }, details: { scopes: input.scopes } });
        return { token, secret };
      };
      const lockAlso = async (tx: Tx) => ({ domains: await domainIds(tx, input.domain) });
      return runCreation(
        context,
        info,
        { model: 'Token', input, requireRights: requireEntry, repeat: repeatSecret(context, input) },
        create,
        lockAlso,
      );
    },
  },
  {
    outputFields: (t) => ({
      token: t.expose('token', { type: Token, nullable: false, description: 'The new token.' }),
      secret: t.exposeString('secret', {
        nullable: false,
        description: 'The bearer token. It can be retrieved again only with the same idempotency key.',
      }),
    }),
  },
);

function expiryOf(viewer: Viewer, expiresAt: Date | null | undefined): Date {
  if (!expiresAt) return new Date(viewer.now.getTime() + defaultLifetime);
  requireFutureExpiry(viewer, expiresAt, maxLifetime);
  return expiresAt;
}

/** The id of the domain, which the viewer may enter until the transaction ends. */
async function requireDomain(tx: Tx, { user }: Viewer, name: string): Promise<string> {
  const id = await lockDomainEntry(tx, user.id, name);
  if (!id) throw validationError({ domain: ['must be an active domain that you may enter'] });
  return id;
}

/** Serialized per user by the lock of the mutation on the viewer: concurrent requests would not count each other's tokens. */
async function enforceTokenLimit(tx: Tx, { user: { id: userId } }: Viewer): Promise<void> {
  const tokens = await tx.$queryRaw<unknown[]>(
    sql`select 1 from "Token" t where t."userId" = ${userId}::uuid and t.kind = 'API' and ${hasNotEnded}`,
  );
  if (tokens.length >= maxTokens) throw validationError({ description: [`must not exceed ${maxTokens} tokens; revoke one first`] });
}

interface KeyInput {
  readonly idempotencyKey?: string | null | undefined;
}

/** The secret of a token for a repetition: derived with the key that is first in ENCRYPTION_KEYS now, or with one that was first before. */
const repeatSecret =
  ({ keys }: Context, { idempotencyKey }: KeyInput) =>
  async ({ tx, viewer, audit, nonce }: CreationScope, { id }: { readonly id: string }) => {
    const stored = await tx.tokenSecret.findFirst({ where: { tokenId: id } });
    const candidates = keys.secrets(purpose).map((key) => deriveApiToken(key, nonce, idempotencyKey));
    const secret = candidates.find((candidate) => stored && hashToken(candidate).equals(stored.hash));
    if (!secret) throw graphqlError('NOT_FOUND');
    await audit({ action: 'authn_token_created', reason: 'repeated', userId: viewer.user.id, target: { type: 'Token', id } });
    return { secret };
  };
