import { validationError } from '../errors.ts';
import type { Viewer } from './viewer.ts';

const day = 86_400_000; // milliseconds

/** Throws INVALID_INPUT unless the input field `expiresAt` is in the future, and at most so many days ahead, by the time of the database. */
export function requireFutureExpiry({ now }: Pick<Viewer, 'now'>, expiresAt: Date, maxDays = Number.POSITIVE_INFINITY): void {
  if (expiresAt <= now) throw validationError({ expiresAt: ['must be in the future'] });
  if (expiresAt.getTime() > now.getTime() + maxDays * day) throw validationError({ expiresAt: [`must be at most ${maxDays} days ahead`] });
}
