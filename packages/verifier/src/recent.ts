/** The most recently used of many values: at most `most`, and a use costs one look-up. */
export interface Recent<T> {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  delete(key: string): void;
  clear(): void;
}

/** Two generations, in place of a list that every use reorders: what is used of the old one is young again, the rest goes with it. */
export function createRecent<T>(most: number): Recent<T> {
  let young = new Map<string, T>();
  let old = new Map<string, T>();

  function set(key: string, value: T) {
    if (young.size >= most / 2) {
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
