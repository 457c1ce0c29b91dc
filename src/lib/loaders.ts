import DataLoader from 'dataloader';

/** The loaders of one operation, by name. */
export type Loaders = Map<string, DataLoader<string, unknown>>;

/** The operation's loader of that name. `load` gets every key that was requested in the same tick. */
export function getLoader<T>(holder: { readonly loaders: Loaders }, name: string, load: (keys: readonly string[]) => Promise<T[]>) {
  const loader = holder.loaders.get(name) ?? new DataLoader<string, T>(load);
  if (!holder.loaders.has(name)) holder.loaders.set(name, loader);
  return loader as DataLoader<string, T>;
}
