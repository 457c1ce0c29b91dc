const most = { entries: 2_000, characters: 1024 * 1024 }; // a document parsed takes some twenty times its text (security.md 17.7)

/** What is remembered of texts, of those that were asked for last, within bounds that count the texts. */
export function createLruCache<Value>() {
  const values = new Map<string, Value>();
  let characters = 0;
  const forget = (text: string) => {
    if (values.delete(text)) characters -= text.length;
  };
  return {
    get(text: string): Value | undefined {
      const value = values.get(text);
      if (value === undefined) return undefined;
      values.delete(text); // the order of a Map is that of its writing: what was used last is forgotten last
      values.set(text, value);
      return value;
    },
    set(text: string, value: Value) {
      forget(text);
      if (text.length > most.characters) return;
      values.set(text, value);
      characters += text.length;
      for (const oldest of values.keys()) {
        if (values.size <= most.entries && characters <= most.characters) return;
        forget(oldest);
      }
    },
  };
}
