import { z } from 'zod';
import { isPermission } from '../../policy/permissions.ts';

/** A list of distinct permission names. */
export const permissionNames = z
  .array(z.string())
  .max(100, 'must not exceed 100 permissions')
  .refine((names) => names.every(isPermission), 'must be known permissions')
  .refine((names) => new Set(names).size === names.length, 'must be unique');
