/** How many open connections, sockets and streams alike, one user and one network may have at a node (security.md F28). */
const most = { user: 10, network: 50 } as const;

export type ConnectionLimiter = ReturnType<typeof createConnectionLimiter>;

/** Counts open connections. `enter` answers how to leave, or undefined where it is full. */
export function createConnectionLimiter() {
  const inside = new Map<string, number>();
  return {
    enter(kind: keyof typeof most, who: string): (() => void) | undefined {
      const key = `${kind} ${who}`;
      const count = inside.get(key) ?? 0;
      if (count >= most[kind]) return undefined;
      inside.set(key, count + 1);
      return () => {
        const left = (inside.get(key) ?? 0) - 1;
        if (left > 0) inside.set(key, left);
        else inside.delete(key);
      };
    },
  };
}
