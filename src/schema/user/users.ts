import { whereVisible } from '../../authorization/evaluate/decisions.ts';
import { filterWhere, orderBy, whereVisibleAnd } from '../../authorization/evaluate/filters.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { SortDirection } from '../../graphql/sort-direction.ts';
import { escapeLike, singleLineText, timestamp } from '../../lib/validators.ts';
import { scope } from '../../policy/conditions.ts';
import { grantedTo } from '../role/role-grant.ts';
import { userRule } from './access-rules.ts';
import { loadUsers } from './load-users.ts';
import { User } from './user.ts';

const UserFilter = builder.inputType('UserFilter', {
  description: 'Which users are meant; all parts that are given apply together.',
  fields: (t) => ({
    search: t.string({
      access: userRule,
      validate: singleLineText(120),
      description: 'Text in the display name, first or last name, username or e-mail address, in any case.',
    }),
    role: t.string({ access: userRule, validate: singleLineText(63), description: 'Holders of this role; with `domain`, in that domain.' }),
    domain: t.string({ access: userRule, validate: singleLineText(63), description: 'Holders of a role in this domain.' }),
    enabled: t.boolean({ access: userRule, description: 'Whether the account is enabled.' }),
    confirmed: t.boolean({ access: userRule, description: 'Whether the e-mail address is proven.' }),
    createdFrom: t.field({ type: 'DateTime', access: userRule, validate: timestamp, description: 'Whose account was made then or later.' }),
    createdTo: t.field({ type: 'DateTime', access: userRule, validate: timestamp, description: 'Whose account was made then or earlier.' }),
    deleted: t.boolean({ access: userRule, description: 'Whether the account is deleted; unless said, those that are not.' }),
  }),
});

const UserOrder = builder.inputType('UserOrder', {
  description: 'What users are ordered by: one field.',
  fields: (t) => ({
    createdAt: t.field({ type: SortDirection, access: userRule, description: 'By when the account was made.' }),
    displayName: t.field({ type: SortDirection, access: userRule, description: 'By display name.' }),
    email: t.field({ type: SortDirection, access: userRule, description: 'By e-mail address.' }),
  }),
});

builder.queryField('users', (t) =>
  t.prismaConnection(
    {
      type: User,
      cursor: 'id',
      description: 'The users that the viewer may know of.',
      access: scope('users:read'),
      args: {
        filter: t.arg({ type: UserFilter, description: 'Which users are meant.' }),
        orderBy: t.arg({ type: UserOrder, description: 'In which order; by id unless said.' }),
      },
      totalCount: (_, { filter }, context) => context.db.prisma.user.count({ where: where(context, filter) }),
      resolve: async (query, __, args, context, info) => {
        const wanted = { ...query, where: where(context, args.filter), orderBy: orderBy(context, 'UserOrder', args.orderBy) };
        if (query.include) return context.db.prisma.user.findMany(wanted);
        const { include: _, ...ofIds } = wanted;
        const page = await context.db.prisma.user.findMany({ ...ofIds, select: { id: true } });
        const found = page.map(({ id }) => id);
        return loadUsers(context, found, info);
      },
    },
    { name: 'UserConnection', description: 'A page of users.' },
    { name: 'UserEdge', description: 'A user in a list.' },
  ),
);

const where = (context: Context, filter: typeof UserFilter.$inferInput | null | undefined): Prisma.UserWhereInput =>
  whereVisibleAnd(
    context,
    'User',
    kept(
      filter?.deleted,
      filterWhere(context, 'User', 'UserFilter', filter, {
        search: (text) => ({
          OR: ['displayName', 'firstName', 'lastName', 'usernameKey', 'email'].map((name) => ({
            [name]: { contains: escapeLike(text), mode: 'insensitive' },
          })),
        }),
        role: (name) => ({
          grants: { some: grantedTo(context, { role: named(context, 'Role', name), ...inDomain(context, filter?.domain) }) },
        }),
        domain: (name) => ({ grants: { some: grantedTo(context, inDomain(context, name)) } }),
        enabled: (enabled) => ({ enabled }),
        confirmed: (confirmed) => ({ emailConfirmedAt: confirmed ? { not: null } : null }),
        createdFrom: (from) => ({ createdAt: { gte: from } }),
        createdTo: (to) => ({ createdAt: { lte: to } }),
        deleted: (deleted) => ({ deletedAt: deleted ? { not: null } : null }),
      }),
    ),
  );

/** Deleted accounts are found by whoever asks for them. */
const kept = (deleted: boolean | null | undefined, wanted: Prisma.UserWhereInput = {}): Prisma.UserWhereInput =>
  deleted == null ? { AND: [{ deletedAt: null }, wanted] } : wanted;

const inDomain = (context: Context, name: string | null | undefined) => (name == null ? {} : { domain: named(context, 'Domain', name) });

/** The one of this name, if the viewer may know of it. */
const named = <M extends 'Role' | 'Domain'>(context: Context, model: M, name: string) => ({
  AND: [{ name }, whereVisible(context, model)],
});
