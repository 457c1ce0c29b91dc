import { z } from 'zod';
import { ifVisible } from '../../authorization/evaluate/decisions.ts';
import type { RoleGrant as RoleGrantRow } from '../../database/generated/prisma/client.ts';
import { validationError } from '../../errors.ts';
import { builder, type InputFields, type InputOf } from '../../graphql/builder.ts';
import { type MutationScope, runMutation } from '../../graphql/mutation.ts';
import { requireAnotherSuperadmin } from '../../identity/accounts/last-superadmin.ts';
import { requireNotErased } from '../../identity/accounts/not-erased.ts';
import { isInactive } from '../../identity/domains/domain-tree.ts';
import { type DelegationBounds, narrowDelegates } from '../../identity/grants/delegated-grants.ts';
import type { UnitOfWork } from '../../identity/unit-of-work.ts';
import type { ViewerGrant } from '../../identity/viewer.ts';
import { futureDate, singleLineText } from '../../lib/validators.ts';
import { AccessChange } from '../access/access-change.ts';
import { User } from '../user/user.ts';
import { type DryRunResult, dryRun } from './dry-run.ts';
import { grantRule, isAdministrativeRole, resolveGrant } from './grant-authority.ts';
import { RoleGrant } from './role-grant.ts';

const steps = z.int().min(0, 'not below 0').max(5, 'at most 5');

const inputFields = (t: InputFields) => ({
  userId: t.globalID({ required: true, for: User, description: 'Who is to hold the role.' }),
  role: t.string({ required: true, validate: singleLineText(63), description: 'The name of the role.' }),
  domain: t.string({ validate: singleLineText(63), description: 'The name of the domain; left out, the role is held everywhere.' }),
  expiresAt: t.field({
    type: 'DateTime',
    validate: futureDate,
    description: 'When the grant ends by itself; left out, it has no end, or that of the grant that it is passed on from.',
  }),
  delegable: t.int({
    validate: steps,
    description: 'How often the grant may be passed on: 0 unless said, at most 5; one less with each step.',
  }),
  dryRun: t.boolean({ description: 'Whether nothing is to be done, and only said what would change.' }),
});

/** What comes of a grant: what is there now or, of a dry run, what would change. */
interface Granted extends Partial<Pick<DryRunResult, 'changes'>> {
  readonly grant: RoleGrantRow | null;
  readonly changed: boolean;
}

type Input = InputOf<typeof inputFields>;

builder.relayMutationField(
  'grantRole',
  {
    description:
      'Who is to hold which role, where, until when, and how often it may be passed on. What is left out is not kept from before.',
    inputFields,
  },
  {
    description:
      'Grants a role. ADMIN and SUPERADMIN are granted by superadmins alone; a domain administrator grants in own domains only; the holder of a grant that may be passed on grants the same role or one that permits less, there or below, until its end, to users whom a role lets the holder read.',
    access: grantRule,
    target: 'User',
    resolve: (_, { input }, context, info) =>
      runMutation<Granted>(context, info, async (writing) => {
        await writing.lockTarget(input.userId.id);
        await requireNotErased(writing.tx, input.userId.id, 'userId');
        const work = () => grantIn(writing, context, input);
        return input.dryRun ? dryRun(writing, { ...input, userId: input.userId.id }, work) : work();
      }),
  },
  {
    outputFields: (t) => ({
      grant: t.field({
        type: RoleGrant,
        description: 'The grant, if the caller may read it; null in a dry run.',
        resolve: ({ grant }, _, context) => ifVisible(context, 'RoleGrant', grant),
      }),
      changed: t.exposeBoolean('changed', {
        nullable: false,
        description:
          'Whether anything changed or, in a dry run, would. False where the user holds the role there on the same terms, or where others granted it and the caller only passes on.',
      }),
      changes: t.field({
        type: [AccessChange],
        nullable: { list: true, items: false },
        description:
          'In a dry run, what the user would gain and lose, as far as the caller may know of the rows, of the members of the domain, and of what the user holds.',
        extensions: { complexity: 2_500 }, // one in an operation: it counts rows for every rule that a grant changes
        resolve: ({ changes }, _, { db }) => changes?.(db.prisma) ?? null,
      }),
    }),
  },
);

async function grantIn(writing: MutationScope, work: UnitOfWork, input: Input) {
  const userId = input.userId.id;
  const { role, domain, through } = await resolveGrant(writing, { ...input, userId });
  if (domain && (await isInactive(writing.tx, domain.id))) throw validationError({ domain: ['not active'] });
  if (isAdministrativeRole(role) && input.delegable) throw validationError({ delegable: ['not for ADMIN and SUPERADMIN'] });
  const which = { userId, roleId: role.id, domainId: domain?.id ?? null };
  // A grant whose time is over is none, and neither is what was passed on from it.
  await writing.tx.roleGrant.deleteMany({ where: { ...which, expiresAt: { lte: writing.viewer.now } } });
  const terms = await termsOf(writing, which, through, input);
  if (role.name === 'SUPERADMIN' && terms.expiresAt) await requireAnotherSuperadmin(writing.tx, userId);
  const { grant, changed } = await put(writing, work, which, terms);
  const about = { userId, domainId: which.domainId, target: { type: 'RoleGrant', id: grant.id } } as const;
  const details = { role: role.name, domain: domain?.name ?? null, ...terms, expiresAt: terms.expiresAt?.toISOString() ?? null };
  if (changed) await writing.audit({ action: 'privilege_permissions_changed', reason: 'granted', ...about, details });
  return { grant, changed };
}

type Which = Pick<RoleGrantRow, 'userId' | 'roleId' | 'domainId'>;
type Terms = DelegationBounds & Pick<RoleGrantRow, 'throughId'>;

/** What the grant is to say: what was asked for, within the bounds of the grant that it is passed on from. */
async function termsOf({ tx }: MutationScope, which: Which, through: readonly ViewerGrant[] | null, input: Input): Promise<Terms> {
  const { delegable, expiresAt } = { delegable: input.delegable ?? 0, expiresAt: input.expiresAt ?? null };
  if (!through) return { delegable, expiresAt, throughId: null };
  const before = await tx.roleGrant.findFirst({ where: which, select: { throughId: true } });
  const own = widest(
    through.filter((one) => one.delegable > delegable),
    before?.throughId,
  );
  if (!own) throw validationError({ delegable: ['less than the grant itself may be passed on'] });
  const end = own.expiresAt && new Date(own.expiresAt);
  if (end && expiresAt && expiresAt > end)
    throw validationError({ expiresAt: ['not after the end of the grant that it is passed on from'] });
  return { delegable, expiresAt: expiresAt ?? end, throughId: own.id };
}

/** The grant that it was passed on from before: a chain that is hung elsewhere could close a circle. Else the one with the latest end, and of those the one that reaches deepest. */
function widest(grants: readonly ViewerGrant[], before: string | null | undefined): ViewerGrant | undefined {
  const endOf = ({ expiresAt }: ViewerGrant) => (expiresAt ? new Date(expiresAt).getTime() : Number.POSITIVE_INFINITY);
  const order = (a: ViewerGrant, b: ViewerGrant) => (endOf(a) === endOf(b) ? b.delegable - a.delegable : endOf(a) < endOf(b) ? 1 : -1);
  return grants.find(({ id }) => id === before) ?? grants.toSorted(order)[0];
}

/** The unique key decides whether there is a grant: of several at the same moment one makes it, and the others find it. */
async function put(writing: MutationScope, work: UnitOfWork, which: Which, terms: Terms) {
  const { tx, viewer } = writing;
  const row = { ...terms, grantedById: viewer.user.id, createdAt: viewer.now };
  const made = await tx.roleGrant.createMany({ data: { ...which, ...row }, skipDuplicates: true });
  const changed = made.count > 0 ? made : await tx.roleGrant.updateMany({ where: { ...which, ...otherwise(terms) }, data: row });
  const grant = await tx.roleGrant.findFirstOrThrow({ where: which });
  if (made.count === 0 && changed.count > 0) await narrowDelegates(writing, work.client, [grant.id], terms);
  return { grant, changed: changed.count > 0 };
}

/** The condition on a grant that says something else, and that whoever sets these terms may change: by delegation only what was passed on from the same grant. */
function otherwise({ expiresAt, delegable, throughId }: Terms) {
  const endsOtherwise = expiresAt ? [{ expiresAt: null }, { expiresAt: { not: expiresAt } }] : [{ expiresAt: { not: null } }];
  const differs = [...endsOtherwise, { delegable: { not: delegable } }];
  return throughId ? { throughId, OR: differs } : { OR: [...differs, { throughId: { not: null } }] };
}
