import type * as guards from '../src/authorization/enforce/guards.ts';

// Stands in for src/authorization/enforce/guards.ts in the server that bench/without-access.ts starts: nothing is guarded.

export const guardType: typeof guards.guardType = () => {};
export const guardField: typeof guards.guardField = () => {};
export const wrapGuardedField: typeof guards.wrapGuardedField = (resolve) => resolve;
export const wrapGuardedType: typeof guards.wrapGuardedType = (isTypeOf) => isTypeOf;
