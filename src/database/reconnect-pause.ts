const minPause = 100; // milliseconds
const maxPause = 5_000; // a server is ready within 10 s after an outage (security.md 23.5)

/**
 * The pause, in milliseconds, after one more attempt to connect has failed. It grows, because a database that was deleted, or that rejects the login,
 * stays so until its operator acts. A part that differs between them keeps the servers of a cluster from coming back at the same moment.
 */
export const nextPause = (pause: number): number =>
  Math.min(maxPause, Math.max(minPause, 2 * pause)) * (0.8 + 0.2 * (performance.now() % 1));
