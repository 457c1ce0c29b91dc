import { whereVisible } from '../../authorization/evaluate/decisions.ts';
import { filterWhere, orderBy } from '../../authorization/evaluate/filters.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';
import { visibleConnection } from '../../graphql/connections.ts';
import type { Context } from '../../graphql/context.ts';
import { SortDirection } from '../../graphql/sort-direction.ts';
import { escapeLike, singleLineText, timestamp } from '../../lib/validators.ts';
import { scope } from '../../policy/conditions.ts';
import { userRule } from './access-rules.ts';
import { loadUsers } from './load-users.ts';
import { whereGrantVisible } from './visible-grants.ts';

const UserFilter = builder.inputType('UserFilter', {
  description: 'Filters users. Conditions are combined with AND.',
  fields: (t) => ({
    search: t.string({
      access: userRule,
      validate: singleLineText(120),
      description: 'Text in the display name, first name, last name, username or email address, case-insensitive.',
    }),
    role: t.string({
      access: userRule,
      validate: singleLineText(63),
      description: 'Holders of the role with this name; together with `domain`, holders in that domain.',
    }),
    domain: t.string({ access: userRule, validate: singleLineText(63), description: 'Holders of a role in the domain with this name.' }),
    enabled: t.boolean({ access: userRule, description: 'Include only enabled (`true`) or only disabled (`false`) accounts.' }),
    confirmed: t.boolean({
      access: userRule,
      description: 'Include only accounts with a confirmed (`true`) or an unconfirmed (`false`) email address.',
    }),
    createdFrom: t.field({
      type: 'DateTime',
      access: userRule,
      validate: timestamp,
      description: 'Include only accounts created at this time or later.',
    }),
    createdTo: t.field({
      type: 'DateTime',
      access: userRule,
      validate: timestamp,
      description: 'Include only accounts created at this time or earlier.',
    }),
    deleted: t.boolean({ access: userRule, description: 'Include only deleted (`true`) or only active (`false`, default) accounts.' }),
  }),
});

const UserOrder = builder.inputType('UserOrder', {
  description: 'Sorts users by one field.',
  fields: (t) => ({
    createdAt: t.field({ type: SortDirection, access: userRule, description: 'By creation time.' }),
    displayName: t.field({ type: SortDirection, access: userRule, description: 'By display name.' }),
    email: t.field({ type: SortDirection, access: userRule, description: 'By email address.' }),
  }),
});

visibleConnection('users', {
  model: 'User',
  description: 'The users that the viewer can see.',
  access: scope('users:read'),
  filter: UserFilter,
  orderBy: UserOrder,
  where: (context, filter) =>
    withoutDeleted(
      filter?.deleted,
      filterWhere(context, 'User', 'UserFilter', filter, {
        search: (text) => ({
          OR: ['displayName', 'firstName', 'lastName', 'usernameKey', 'email'].map((column) => ({
            [column]: { contains: escapeLike(text), mode: 'insensitive' },
          })),
        }),
        role: (name) => ({
          grants: { some: whereGrantVisible(context, { role: whereNamed(context, 'Role', name), ...inDomain(context, filter?.domain) }) },
        }),
        domain: (name) => ({ grants: { some: whereGrantVisible(context, inDomain(context, name)) } }),
        enabled: (enabled) => ({ enabled }),
        confirmed: (confirmed) => ({ emailConfirmedAt: confirmed ? { not: null } : null }),
        createdFrom: (from) => ({ createdAt: { gte: from } }),
        createdTo: (to) => ({ createdAt: { lte: to } }),
        deleted: (deleted) => ({ deletedAt: deleted ? { not: null } : null }),
      }),
    ),
  order: (context, order) => orderBy(context, 'UserOrder', order),
  load: loadUsers,
});

function withoutDeleted(deleted: boolean | null | undefined, where: Prisma.UserWhereInput = {}): Prisma.UserWhereInput {
  return deleted == null ? { AND: [{ deletedAt: null }, where] } : where;
}

const inDomain = (context: Context, name: string | null | undefined) =>
  name == null ? {} : { domain: whereNamed(context, 'Domain', name) };

/** The role or domain with that name, if the viewer can see it. */
const whereNamed = <M extends 'Role' | 'Domain'>(context: Context, model: M, name: string) => ({
  AND: [{ name }, whereVisible(context, model)],
});
