/** Applies `map` to a value that may still be a promise. Stays synchronous if it can: a promise per field is most of the cost of a long list. */
export function mapMaybe<In, Out>(value: In | Promise<In>, map: (value: In) => Out): Out | Promise<Awaited<Out>> {
  return isPromise(value) ? (value.then(map) as Promise<Awaited<Out>>) : map(value);
}

/** The same for several values at once: a promise only if one of them is. */
export function allMaybe<In>(values: readonly (In | Promise<In>)[]): readonly In[] | Promise<In[]> {
  return values.some(isPromise) ? Promise.all(values) : (values as readonly In[]);
}

/** By its method and not by its class: Prisma's promises are no instances of `Promise`. */
const isPromise = <In>(value: In | Promise<In>): value is Promise<In> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
