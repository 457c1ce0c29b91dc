import { all, any } from '../../authorization/rules/rule.ts';
import { admin, domainAdmin, may, outranks, owner, scope, self, superadmin } from '../../policy/conditions.ts';

/** Who can see a user, regardless of the scopes of their token. */
export const canSeeUser = any(self, domainAdmin, admin, may('users:read'));

/** Who can see a user and read the profile. */
export const userRule = all(scope('users:read'), canSeeUser);

/** Who can read when and from where a user logged in. */
export const loginHistoryRule = any(self, outranks, superadmin);

/** Who may update a user's profile. */
export const profileRule = all(scope('users:write'), any(self, domainAdmin, outranks, superadmin));

/** Who may change a user's settings: the callers who may write the user. */
export const settingRule = all(scope('settings:write'), owner);

/** Who may enable and disable a user, and confirm the email address for them. */
export const manageStatusRule = all(scope('users:write'), any(outranks, superadmin));
