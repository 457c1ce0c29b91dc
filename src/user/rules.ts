import { all, any } from '../access/rule.ts';
import { admin, domainAdmin, outranks, scope, self, superadmin } from '../access/vocabulary.ts';

/** Who may know of a user, and read the profile. */
export const userRule = all(scope('users:read'), any(self, domainAdmin, admin));

/** Who may see a user's logins, tokens and settings. */
export const closerRule = any(self, outranks, superadmin);

/** Who may enable and disable a user. */
export const switchRule = all(scope('users:write'), any(outranks, superadmin));
