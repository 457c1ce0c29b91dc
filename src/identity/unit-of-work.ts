import type { ClientInfo } from '../lib/client-info.ts';

/** The events that a unit of work has caused. They are announced after its commit. */
export interface PendingEvents {
  tokenRevoked: boolean;
}

export const createPendingEvents = (): PendingEvents => ({ tokenRevoked: false });

/** One request, job run or command. Its opener passes its events to `Notifier.flush` after the last commit. */
export interface UnitOfWork {
  readonly client: ClientInfo;
  readonly events: PendingEvents;
}
