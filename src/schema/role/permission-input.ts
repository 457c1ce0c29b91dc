import { z } from 'zod';
import { isPermission } from '../../policy/permissions.ts';

/** A set of permission names, each out of the table. */
export const permissionNames = z
  .array(z.string())
  .max(100, 'at most 100')
  .refine((names) => names.every(isPermission), 'an unknown permission')
  .refine((names) => new Set(names).size === names.length, 'each once');
