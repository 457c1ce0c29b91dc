import { z } from 'zod';
import { ifVisible } from '../../authorization/evaluate/decisions.ts';
import type { RoleGrant as RoleGrantRow } from '../../database/generated/prisma/client.ts';
import { validationError } from '../../errors.ts';
import { builder, type InputFields, type InputOf } from '../../graphql/builder.ts';
import { type MutationScope, runMutation } from '../../graphql/mutation.ts';
import { requireAnotherSuperadmin } from '../../identity/accounts/last-superadmin.ts';
import { requireNotErased } from '../../identity/accounts/not-erased.ts';
import { requireFutureExpiry } from '../../identity/expiry.ts';
import { type DelegationBounds, narrowDelegates } from '../../identity/grants/delegated-grants.ts';
import type { UnitOfWork } from '../../identity/unit-of-work.ts';
import type { ViewerGrant } from '../../identity/viewer.ts';
import { singleLineText, timestamp } from '../../lib/validators.ts';
import { AccessChange } from '../access/access-change.ts';
import { User } from '../user/user.ts';
import { type DryRunResult, dryRun, lockGrantForDryRun } from './dry-run.ts';
import { canSeeGrantsIn, grantRule, isAdministrativeRole, lockGrant, resolveGrant } from './grant-authority.ts';
import { RoleGrant } from './role-grant.ts';

const delegationSteps = z.int().min(0, 'must not be negative').max(5, 'must not exceed 5');

const inputFields = (t: InputFields) => ({
  userId: t.globalID({ required: true, for: User, description: 'ID of the user.' }),
  role: t.string({ required: true, validate: singleLineText(63), description: 'Name of the role.' }),
  domain: t.string({ validate: singleLineText(63), description: 'Name of the domain. If omitted, the role is granted globally.' }),
  expiresAt: t.field({
    type: 'DateTime',
    validate: timestamp,
    description: 'Expiry. Defaults to none, or to the expiry of the grant that it is delegated from.',
  }),
  delegable: t.int({
    validate: delegationSteps,
    description: 'Number of consecutive delegations that the grant allows. Defaults to 0; maximum 5.',
  }),
  dryRun: t.boolean({ description: 'If true, nothing is changed; the payload shows what the grant would change. Defaults to false.' }),
});

interface GrantRolePayload extends Partial<Pick<DryRunResult, 'changes'>> {
  readonly grant: RoleGrantRow | null;
  readonly changed: boolean;
}

type Input = InputOf<typeof inputFields>;

builder.relayMutationField(
  'grantRole',
  { description: 'The terms of the grant. They replace the terms of an existing grant; omitted terms get their defaults.', inputFields },
  {
    description:
      'Grants a role to a user. Only superadmins can grant ADMIN and SUPERADMIN; domain administrators grant in their domains. Holders of a delegable grant can pass the same role, or one that permits less, to users they can read, in the same domain or below and until their own grant expires.',
    access: grantRule,
    target: 'User',
    resolve: (_, { input }, context, info) => {
      const request = { ...input, userId: input.userId.id };
      const work = async (mutation: MutationScope): Promise<GrantRolePayload> => {
        await mutation.lockTarget(request.userId);
        await requireNotErased(mutation.tx, request.userId, 'userId');
        const grant = () => grantIn(mutation, context, input);
        return input.dryRun ? dryRun(mutation, request, grant) : grant();
      };
      return runMutation(context, info, work, input.dryRun ? lockGrantForDryRun(request) : lockGrant(request));
    },
  },
  {
    outputFields: (t) => ({
      grant: t.field({
        type: RoleGrant,
        description: 'The grant, or null in a dry run or if the viewer cannot see it.',
        resolve: ({ grant }, _, context) => ifVisible(context, 'RoleGrant', grant),
      }),
      changed: t.exposeBoolean('changed', {
        nullable: false,
        description:
          'True if the grant was created or changed, or would be in a dry run. False if the user already holds the role on these terms, or if the caller delegates and the role was granted by others. Always true for a caller who delegates in a domain in which they cannot see grants.',
      }),
      changes: t.field({
        type: [AccessChange],
        nullable: { list: true, items: false },
        description:
          'In a dry run, the access that the user would gain and lose, counted over rows, domain members and grants that the viewer can see.',
        extensions: { complexity: 2_500 }, // allows one per operation: it counts rows for every rule that a grant changes
        resolve: ({ changes }, _, { db }) => changes?.(db.prisma) ?? null,
      }),
    }),
  },
);

async function grantIn(mutation: MutationScope, work: UnitOfWork, input: Input) {
  const { tx, viewer, audit } = mutation;
  const userId = input.userId.id;
  if (input.expiresAt) requireFutureExpiry(viewer, input.expiresAt);
  const { role, domain, delegableGrants } = await resolveGrant(mutation, { ...input, userId });
  if (domain?.open === false) throw validationError({ domain: ['must be active'] });
  if (isAdministrativeRole(role) && input.delegable) throw validationError({ delegable: ['must be 0 for ADMIN and SUPERADMIN'] });
  const key = { userId, roleId: role.id, domainId: domain?.id ?? null };
  // An expired grant does not count as existing. Deleting it deletes its delegates.
  await tx.roleGrant.deleteMany({ where: { ...key, expiresAt: { lte: viewer.now } } });
  const isHidden = delegableGrants !== null && !canSeeGrantsIn(viewer, key.domainId);
  const terms = await termsOf(mutation, key, { delegableGrants, isHidden }, input);
  if (role.name === 'SUPERADMIN' && terms.expiresAt) await requireAnotherSuperadmin(tx, userId);
  const { grant, changed } = await upsertGrant(mutation, work, key, terms);
  if (changed)
    await audit({
      action: 'privilege_permissions_changed',
      reason: 'granted',
      userId,
      domainId: key.domainId,
      target: { type: 'RoleGrant', id: grant.id },
      details: { role: role.name, domain: domain?.name ?? null, ...terms, expiresAt: terms.expiresAt?.toISOString() ?? null },
    });
  // Whether the user held the role is not revealed to a caller who cannot see it.
  return { grant, changed: changed || isHidden };
}

/** What a caller delegates; null if they grant with direct authority. */
interface Delegation {
  readonly delegableGrants: readonly ViewerGrant[] | null;
  /** True if the caller cannot see the grant. */
  readonly isHidden: boolean;
}

type GrantKey = Pick<RoleGrantRow, 'userId' | 'roleId' | 'domainId'>;
type Terms = DelegationBounds & Pick<RoleGrantRow, 'throughId'>;

/** The requested terms, within the bounds of the grant that is delegated. */
async function termsOf({ tx }: MutationScope, key: GrantKey, { delegableGrants, isHidden }: Delegation, input: Input): Promise<Terms> {
  const { delegable, expiresAt } = { delegable: input.delegable ?? 0, expiresAt: input.expiresAt ?? null };
  if (!delegableGrants) return { delegable, expiresAt, throughId: null };
  const existing = await tx.roleGrant.findFirst({ where: key, select: { throughId: true } });
  const deepEnough = delegableGrants.filter((grant) => grant.delegable > delegable);
  const source = chooseSource(deepEnough, existing?.throughId);
  if (!source) throw validationError({ delegable: ['must be less than that of the delegated grant'] });
  // The error must not depend on the source of a grant that is hidden: then it is that of a new grant, and the expiry is narrowed silently.
  if (isAfter(expiresAt, expiryOf(isHidden ? chooseSource(deepEnough, undefined) : source)))
    throw validationError({ expiresAt: ['must not be after the expiry of the delegated grant'] });
  const sourceExpiry = expiryOf(source);
  return { delegable, expiresAt: expiresAt && !isAfter(expiresAt, sourceExpiry) ? expiresAt : sourceExpiry, throughId: source.id };
}

const expiryOf = (grant: ViewerGrant | undefined) => (grant?.expiresAt ? new Date(grant.expiresAt) : null);
const isAfter = (time: Date | null, limit: Date | null) => time !== null && limit !== null && time > limit;

/**
 * Keeps the source of an existing grant, because moving a delegation to another source could create a cycle. Otherwise chooses the grant that
 * expires last, and among those the one that can be delegated most often.
 */
function chooseSource(grants: readonly ViewerGrant[], existingSource: string | null | undefined): ViewerGrant | undefined {
  const timeOf = (grant: ViewerGrant) => expiryOf(grant)?.getTime() ?? Number.MAX_VALUE;
  const best = grants.toSorted((a, b) => timeOf(b) - timeOf(a) || b.delegable - a.delegable)[0];
  return grants.find(({ id }) => id === existingSource) ?? best;
}

/** Atomic by the unique key: of several concurrent mutations one creates the grant and the others find it. */
async function upsertGrant(mutation: MutationScope, work: UnitOfWork, key: GrantKey, terms: Terms) {
  const { tx, viewer } = mutation;
  const row = { ...terms, grantedById: viewer.user.id, createdAt: viewer.now };
  const created = await tx.roleGrant.createMany({ data: { ...key, ...row }, skipDuplicates: true });
  const isNew = created.count > 0;
  const updated = isNew ? created : await tx.roleGrant.updateMany({ where: { ...key, ...whereTermsDiffer(terms) }, data: row });
  const changed = updated.count > 0;
  const grant = await tx.roleGrant.findFirstOrThrow({ where: key });
  if (!isNew && changed) await narrowDelegates(mutation, work.client, [grant.id], terms);
  return { grant, changed };
}

/** Matches an existing grant with other terms that the caller may change: a caller who delegates only changes delegates of the same source. */
function whereTermsDiffer({ expiresAt, delegable, throughId }: Terms) {
  const expiryDiffers = expiresAt ? [{ expiresAt: null }, { expiresAt: { not: expiresAt } }] : [{ expiresAt: { not: null } }];
  const termsDiffer = [...expiryDiffers, { delegable: { not: delegable } }];
  return throughId ? { throughId, OR: termsDiffer } : { OR: [...termsDiffer, { throughId: { not: null } }] };
}
