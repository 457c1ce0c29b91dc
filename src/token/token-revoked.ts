import { known, meeting } from '../access/judge.ts';
import { ruleOf } from '../access/rules.ts';
import { denial, verdict } from '../access/verdict.ts';
import { admin, scope } from '../access/vocabulary.ts';
import { builder } from '../builder.ts';
import { type Context, createContext } from '../context.ts';
import { failure, invalid } from '../errors.ts';
import { type Heard, hearing } from '../heard.ts';
import type { Inbox } from '../inbox.ts';
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
    subscribe: (_, wanted, context) => hearing<Revocation>((inbox) => follow(context, wanted, inbox)) as never,
    resolve: (heard) => (heard as unknown as Heard<Revocation>).event as never,
  }),
);

/** What a viewer follows: all, a domain's or a user's. */
type Scope = { readonly all: true } | { readonly domainId: string } | { readonly userId: string };

/** The revocations that were asked for. Who asks, and by what right, is read again for each of them. */
async function* follow(context: Context, wanted: Wanted, inbox: Inbox<Revocation>): AsyncGenerator<Heard<Revocation>> {
  const own = context.viewer?.token.id;
  const scope = await scopeOf(context, wanted);
  const stop = context.revocations.follow(inbox, (event) => event.tokenId === own || isIn(scope, event));
  try {
    await asNow(context); // the token may have ended before it was listened for
    for (let next = await inbox.next(); !next.done; next = await inbox.next()) {
      const event = next.value;
      const now = await asNow(context, event);
      if (now && isIn(scope, event) && (await mayHear(now, scope, event))) yield { context: now, event };
      if (event.tokenId === own) return;
    }
  } finally {
    stop();
  }
}

const isIn = (scope: Scope, event: Revocation) =>
  'all' in scope || ('domainId' in scope ? event.domainId === scope.domainId : event.userId === scope.userId);

/**
 * The context of one event: the viewer as of now. The event that ends the viewer's own token is still theirs to hear; undefined for one
 * that comes before it, when the token has ended already. Throws why the viewer may hear no more.
 */
async function asNow(context: Context, event?: Revocation): Promise<Context | undefined> {
  const id = context.viewer?.token.id;
  const identified = id === undefined ? undefined : await context.identify.load({ sid: id });
  if (!identified) throw failure('UNAUTHENTICATED');
  const { viewer, refused } = identified;
  if (refused && event?.tokenId !== id) {
    if (event && refused === 'TOKEN_REVOKED') return undefined;
    throw failure(refused);
  }
  return createContext(context, context.client, viewer, context.until);
}

/** Whether the viewer may hear of this one. Throws FORBIDDEN, which ends the stream, when the right to ask is gone. */
async function mayHear(context: Context, scope: Scope, event: Revocation): Promise<boolean> {
  await requireRight(context, scope);
  return (await verdict(context, ruleOf('TokenRevocation'), 'TokenRevocation', event as never)) === true;
}

async function requireRight(context: Context, scope: Scope) {
  const rule = ruleOf('Subscription.tokenRevoked');
  if (known(rule, context.viewer) !== true) throw denial(context, 'Subscription.tokenRevoked');
  if ('all' in scope && known(admin, context.viewer) !== true) throw denial(context, 'Subscription.tokenRevoked', admin);
  if ('domainId' in scope && !(await isMet(context, 'Domain', scope.domainId))) throw denial(context, 'Subscription.tokenRevoked');
  if ('userId' in scope && !(await isMet(context, 'User', scope.userId))) throw denial(context, 'Subscription.tokenRevoked');
}

/** Whether the rule of what is followed holds for the user or the domain that it is followed of. */
async function isMet(context: Context, model: 'Domain' | 'User', id: string): Promise<boolean> {
  if (model === 'Domain' && known(admin, context.viewer) === true) return true;
  return (await verdict(context, ruleOf('TokenRevocation'), model, { id })) === true;
}

/** What was asked for. Throws NOT_FOUND for a user or a domain that the viewer may not know of, FORBIDDEN for what they may not follow. */
async function scopeOf(context: Context, wanted: Wanted): Promise<Scope> {
  if ([wanted.userId, wanted.domain, wanted.all].filter((one) => one != null && one !== false).length > 1)
    throw invalid({ all: ['one of userId, domain and all'] });
  const scope = await found(context, wanted);
  await requireRight(context, scope);
  return scope;
}

async function found({ db, viewer }: Context, { userId, domain, all }: Wanted): Promise<Scope> {
  if (all) return { all };
  if (domain != null) {
    const row = await db.prisma.domain.findUnique({ where: { name: domain }, select: { id: true } });
    const administers = row && (viewer?.administers.includes(row.id) || known(admin, viewer));
    if (!row || !administers) throw failure('NOT_FOUND');
    return { domainId: row.id };
  }
  const id = userId?.id ?? viewer?.user.id ?? '';
  const sees = id === viewer?.user.id || (isUuid(id) && (await meeting(db.prisma, ruleOf('User'), viewer, 'User', [id])).has(id));
  if (!sees) throw failure('NOT_FOUND');
  return { userId: id };
}
