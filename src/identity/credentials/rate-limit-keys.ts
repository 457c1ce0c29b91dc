import { createHash } from 'node:crypto';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How many attempts are allowed per key. */
export interface Limit {
  readonly points: number;
  /** Milliseconds after which the count starts again. */
  readonly window: number;
  /** If set, further attempts are allowed after waits that double from the first to the longest one, and the window starts again with each of them. */
  readonly waits?: { readonly first: number; readonly longest: number }; // seconds
}

export const limits = {
  passwordByNetwork: { points: 100, window: hour }, // security.md F17, as are the next three
  passwordByAccountAndNetwork: { points: 5, window: 5 * minute },
  // Without waits an attacker has 20 guesses in 6 hours; with them 4 in an hour, so that pausing gains nothing.
  passwordByAccount: { points: 20, window: 6 * hour, waits: { first: 1, longest: 900 } }, // security.md 4.5
  passwordByProof: { points: 5, window: 15 * minute }, // by the session, or the user of the email link, that the password is given with
  registerByNetwork: { points: 30, window: hour }, // security.md F19: a registration causes an email
  setupByNetwork: { points: 20, window: hour }, // security.md F38, as is the next one
  setup: { points: 100, window: hour }, // all networks together; commands create a superadmin meanwhile
  emailByRequester: { points: 3, window: hour }, // security.md F19, as are the next three
  // 11 emails on the first day and 6 on each later one: too few to make others wait. No requester waits for a day, because many users may share a network.
  emailByRequesterDaily: { points: 5, window: day, waits: { first: 3_600, longest: 14_400 } },
  // All requesters together: 72 emails on the first day and 48 on each later one, from at least 7 of them. The longest wait is the lifetime of a reset
  // link: an owner who has to wait has an email with a live link in the mailbox (docs/decisions/0046).
  emailByAddress: { points: 20, window: day, waits: { first: 60, longest: 1_800 } },
  emailByNetwork: { points: 30, window: hour },
  invitationByUser: { points: 100, window: day }, // from any network: security.md 9.5
  apiTokenByUser: { points: 50, window: day }, // each one causes an email, which others must not bury
  linkByNetwork: { points: 100, window: hour }, // as for invalid tokens
  codeByAddressAndNetwork: { points: 5, window: 15 * minute }, // security.md 4.11, as is the next one
  codeByAddress: { points: 20, window: day, waits: { first: 1, longest: 1_800 } },
  usernameByAccount: { points: 10, window: hour }, // each attempt reveals whether a name is taken
  usernameByNetwork: { points: 30, window: hour },
  refreshBySession: { points: 300, window: 5 * minute }, // security.md 6.10: each one stores a row; counted by the statement that rotates (schema/auth/refresh.ts)
  badTokenByNetwork: { points: 100, window: hour }, // security.md 4.7
  badTokenByClient: { points: 10_000, window: hour }, // a resource server forwards whatever it receives: many times what one attacker could send
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof limits;

/** A key, and the subject with which `clearFailures` finds it. */
interface SubjectKey {
  readonly key: string;
  readonly subject: string;
}

/** The limits that an attempt counts towards, in this order, each with its key. */
export type RateLimitKeys = { readonly [name in LimitName]?: string | SubjectKey | undefined };

/**
 * The keys of a login by the email address or username of an account. One that does not exist has the same kind of keys. The two names of an account
 * have separate keys: shared ones would reveal that they belong to the same account.
 */
export const loginKeys = (account: string, network: string) => ({
  passwordByNetwork: network,
  passwordByAccountAndNetwork: { key: `${account} ${network}`, subject: account },
  passwordByAccount: { key: account, subject: account },
});

/** The keys of a password given together with another proof, a session or an email link. Guesses at `login` do not count towards them. */
export const proofKeys = (userId: string, proofId: string): RateLimitKeys => ({ passwordByProof: { key: proofId, subject: userId } });

/** The keys of a guess at the code that was emailed to an address. */
export const codeKeys = (address: string, network: string) => ({
  codeByAddressAndNetwork: `${address} ${network}`,
  codeByAddress: address,
});

/**
 * The keys of an email of a kind to an address, which need not have an account. The requester is the network of an anonymous caller, or the user: one
 * requester does not use up the emails that others may request.
 */
export const emailKeys = (kind: string, address: string, requester: string): RateLimitKeys => ({
  ...emailKeysOfRequester(kind, address, requester),
  ...emailKeysOfAddress(kind, address),
});

/** The limit of all requesters together. Counted last: callers who turn out not to be allowed to send the email must not use it up. */
export const emailKeysOfAddress = (kind: string, address: string): RateLimitKeys => ({ emailByAddress: `${kind} ${address}` });

/** The limits of the requester. */
export const emailKeysOfRequester = (kind: string, address: string, requester: string): RateLimitKeys => ({
  emailByRequester: `${kind} ${requester} ${address}`,
  emailByRequesterDaily: `${kind} ${requester} ${address}`,
});

/** A limit with the key that an attempt counts towards; the key and the subject as they are stored. */
export interface LimitEntry {
  readonly name: LimitName;
  readonly key: string;
  readonly subject: string | null;
}

export const entriesOf = (keys: RateLimitKeys): LimitEntry[] =>
  Object.entries(keys).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const { key, subject } = typeof value === 'string' ? { key: value, subject: null } : value;
    return { name: name as LimitName, key: `${name}:${digest(key)}`, subject: subject === null ? null : digest(subject) };
  });

/** The table does not contain addresses in plain text. */
export const digest = (key: string) => createHash('sha256').update(key).digest('base64url');
