import { all, any } from '../../authorization/rules/rule.ts';
import { admin, domainAdmin, may, outranks, owner, scope, self, superadmin } from '../../policy/conditions.ts';

/** Whom a user is known to, whatever they came with. */
export const canSeeUser = any(self, domainAdmin, admin, may('users:read'));

/** Who may know of a user, and read the profile. */
export const userRule = all(scope('users:read'), canSeeUser);

/** Who may see when and from where a user logs in. */
export const loginHistoryRule = any(self, outranks, superadmin);

/** Who may write a user's profile. */
export const profileRule = all(scope('users:write'), any(self, domainAdmin, outranks, superadmin));

/** Who may write a user's settings: whoever may write the user. */
export const settingRule = all(scope('settings:write'), owner);

/** Who may enable and disable a user, and vouch for the e-mail address. */
export const manageStatusRule = all(scope('users:write'), any(outranks, superadmin));
