import { z } from 'zod';
import { all } from '../../authorization/rules/rule.ts';
import { sql } from '../../database/database.ts';
import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { generateToken, hashToken } from '../../identity/tokens/opaque-token.ts';
import { futureDate, nonBlankText, singleLineText } from '../../lib/validators.ts';
import { confirmed, fresh, session } from '../../policy/conditions.ts';
import { isPermission } from '../../policy/permissions.ts';
import { Token } from './token.ts';

const scopes = z
  .array(z.string())
  .min(1, 'at least one')
  .max(100, 'at most 100')
  .refine((names) => names.every(isPermission), 'an unknown scope');
const day = 86_400_000;
const mostTokens = 50; // security.md F32

builder.relayMutationField(
  'createApiToken',
  {
    inputFields: (t) => ({
      description: t.string({ required: true, validate: nonBlankText(120), description: 'What its owner calls it.' }),
      scopes: t.stringList({ required: true, validate: scopes, description: 'What it may be used for: names of permissions.' }),
      expiresAt: t.field({
        type: 'DateTime',
        validate: futureDate,
        description: 'When it ends; in 90 days unless said, at most 366 days ahead.',
      }),
      domain: t.string({
        validate: singleLineText(63),
        description: 'The name of a domain in which the viewer holds a role; the token ends with it.',
      }),
    }),
  },
  {
    description: 'Makes an API token of the viewer. It is never more than its scopes and the rights that its owner has at the time.',
    access: all(session, fresh, confirmed),
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, audit }) => {
        const { id: userId } = viewer.user;
        const { description, domain, scopes: names, expiresAt = null } = input;
        const latest = new Date(viewer.now.getTime() + 366 * day);
        if (expiresAt && expiresAt > latest) throw validationError({ expiresAt: ['at most 366 days ahead'] });
        const grant = domain == null ? undefined : viewer.grants.find((held) => held.domain?.name === domain && held.active);
        if (domain != null && !grant) throw validationError({ domain: ['no domain in which you hold a role'] });
        // One after another for each user: tokens that are made at once do not see each other.
        await tx.$queryRaw(sql`select pg_advisory_xact_lock(hashtextextended(${`fieldgate.tokens ${userId}`}, 0))::text`);
        const live = { userId, kind: 'API', revokedAt: null, expiresAt: { gt: viewer.now } } as const;
        if ((await tx.token.count({ where: live })) >= mostTokens) throw validationError({ description: [`at most ${mostTokens} tokens`] });
        const secret = generateToken('api');
        const ends = expiresAt ?? new Date(viewer.now.getTime() + 90 * day);
        const { network: createdFrom, agent: userAgent } = context.client;
        const whose = { userId, domainId: grant?.domainId ?? null, createdFrom, userAgent };
        const times = { authenticatedAt: viewer.token.authenticatedAt, expiresAt: ends, idleExpiresAt: ends };
        const token = await tx.token.create({
          data: {
            kind: 'API',
            description,
            scopes: [...new Set(names)],
            ...whose,
            ...times,
            secrets: { create: { hash: hashToken(secret) } },
          },
        });
        await audit({ action: 'authn_token_created', userId, target: ['Token', token.id], details: { scopes: names } });
        return { token: token as never, secret };
      }),
  },
  {
    outputFields: (t) => ({
      token: t.expose('token', { type: Token, nullable: false, description: 'The token as its owner lists it.' }),
      secret: t.exposeString('secret', { nullable: false, description: 'The bearer token itself. It is shown this once.' }),
    }),
  },
);
