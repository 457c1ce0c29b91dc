/** A cache of the most recently used values. */
export interface TokenCache<T> {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  delete(key: string): void;
  clear(): void;
}

/** Holds at most `max` values in two generations: a value of the old one that is used moves to the young one; the others go with the old one. */
export function createTokenCache<T>(max: number): TokenCache<T> {
  let young = new Map<string, T>();
  let old = new Map<string, T>();

  function set(key: string, value: T) {
    if (young.size >= max / 2) {
      old = young;
      young = new Map();
    }
    young.set(key, value);
  }

  return {
    set,
    get(key) {
      const value = young.get(key);
      if (value !== undefined) return value;
      const older = old.get(key);
      if (older !== undefined) set(key, older);
      return older;
    },
    delete(key) {
      young.delete(key);
      old.delete(key);
    },
    clear() {
      young.clear();
      old.clear();
    },
  };
}
