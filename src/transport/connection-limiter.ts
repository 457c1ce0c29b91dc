/** How many WebSockets and event streams each user and each network may have open at a node (security.md F28). */
const maxConnections = { user: 10, network: 50 } as const;

export type ConnectionLimiter = ReturnType<typeof createConnectionLimiter>;

/** Counts open connections. `acquire` returns the function that releases the slot, or undefined if all are taken. */
export function createConnectionLimiter() {
  const counts = new Map<string, number>();
  return {
    acquire(kind: keyof typeof maxConnections, id: string): (() => void) | undefined {
      const key = `${kind} ${id}`;
      const count = counts.get(key) ?? 0;
      if (count >= maxConnections[kind]) return undefined;
      counts.set(key, count + 1);
      return () => {
        const left = (counts.get(key) ?? 0) - 1;
        if (left > 0) counts.set(key, left);
        else counts.delete(key);
      };
    },
  };
}
