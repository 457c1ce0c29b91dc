import { known, meeting } from '../access/judge.ts';
import { ruleOf } from '../access/rules.ts';
import { denial, verdict } from '../access/verdict.ts';
import { admin, scope } from '../access/vocabulary.ts';
import { builder } from '../builder.ts';
import { type Context, createContext } from '../context.ts';
import { failure, invalid } from '../errors.ts';
import type { Heard } from '../heard.ts';
import { isUuid, line } from '../input.ts';
import { User } from '../user/user.ts';
import type { Revocation } from './tail.ts';
import { TokenRevocation } from './token-revocation.ts';

interface Wanted {
  readonly userId?: { id: string } | null;
  readonly domain?: string | null;
  readonly all?: boolean | null;
}

builder.subscriptionField('tokenRevoked', (t) =>
  t.field({
    type: TokenRevocation,
    nullable: false,
    description: "Each token that ends, as it ends: the viewer's own unless said; of what is asked for, what the viewer may know of.",
    access: scope('tokens:read'),
    args: {
      userId: t.arg.globalID({ for: User, description: 'Only those of this user.' }),
      domain: t.arg.string({ validate: line(63), description: 'Only those entered through this domain.' }),
      all: t.arg.boolean({ access: admin, description: 'All that the viewer may know of; an administrator asks so.' }),
    },
    subscribe: (_, wanted, context) => follow(context, wanted) as never,
    resolve: (heard) => (heard as unknown as Heard<Revocation>).event as never,
  }),
);

/** The revocations that were asked for. Who asks, and by what right, is read again for each of them. */
async function* follow(context: Context, wanted: Wanted): AsyncGenerator<Heard<Revocation>> {
  const revocations = context.revocations.follow();
  try {
    const matches = await filterOf(context, wanted);
    for await (const event of revocations) {
      const isOwn = event.tokenId === context.viewer?.token.id;
      if (!isOwn && !matches(event)) continue;
      const now = await asNow(context, isOwn);
      if (matches(event) && (await mayHear(now, wanted, event))) yield { context: now, event };
      if (isOwn) return;
    }
  } finally {
    revocations.return();
  }
}

/** The context of one event: the viewer as of now. The event that ends the viewer's own token is still theirs to hear. */
async function asNow(context: Context, isOwn: boolean): Promise<Context> {
  const id = context.viewer?.token.id;
  const identified = id === undefined ? undefined : await context.identify.load({ sid: id });
  if (!identified || (identified.refused && !isOwn)) throw failure(identified?.refused ?? 'UNAUTHENTICATED');
  return createContext(context, context.client, identified.viewer, context.until);
}

/** Whether the viewer may hear of this one. Throws FORBIDDEN, which ends the stream, when the right to ask is gone. */
async function mayHear(context: Context, wanted: Wanted, event: Revocation): Promise<boolean> {
  requireRight(context, wanted);
  return (await verdict(context, ruleOf('TokenRevocation'), 'TokenRevocation', event as never)) === true;
}

function requireRight(context: Context, wanted: Wanted) {
  if (known(ruleOf('Subscription.tokenRevoked'), context.viewer) !== true) throw denial(context, 'Subscription.tokenRevoked');
  if (wanted.all && known(admin, context.viewer) !== true) throw denial(context, 'Subscription.tokenRevoked', admin);
}

/** What was asked for, as a test on events. Throws NOT_FOUND for a user or a domain that the viewer may not know of. */
async function filterOf(context: Context, wanted: Wanted): Promise<(event: Revocation) => boolean> {
  requireRight(context, wanted);
  const { viewer, db } = context;
  if ([wanted.userId, wanted.domain, wanted.all].filter((one) => one != null && one !== false).length > 1)
    throw invalid({ all: ['one of userId, domain and all'] });
  if (wanted.all) return () => true;
  if (wanted.domain != null) {
    const domain = await db.prisma.domain.findUnique({ where: { name: wanted.domain } });
    const administers = domain && (viewer?.administers.includes(domain.id) || known(admin, viewer));
    if (!domain || !administers) throw failure('NOT_FOUND');
    return (event) => event.domainId === domain.id;
  }
  const userId = wanted.userId?.id ?? viewer?.user.id ?? '';
  if (userId !== viewer?.user.id) {
    const met = isUuid(userId) ? await meeting(db.prisma, ruleOf('User'), viewer, 'User', [userId]) : new Set();
    if (!met.has(userId)) throw failure('NOT_FOUND');
  }
  return (event) => event.userId === userId;
}
