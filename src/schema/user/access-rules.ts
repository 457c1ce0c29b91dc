import { all, any } from '../../authorization/rules/rule.ts';
import {
  admin,
  domainAdmin,
  exclusive,
  fresh,
  may,
  outranks,
  owner,
  reached,
  scope,
  self,
  session,
  superadmin,
} from '../../policy/conditions.ts';

/** Who can see a user, regardless of the scopes of their token. */
export const canSeeUser = any(self, domainAdmin, admin, may('users:read'));

/** Who can see a user and read the profile. */
export const userRule = all(scope('users:read'), canSeeUser);

/** Who can read when and from where a user logged in. */
export const loginHistoryRule = any(all(self, reached), outranks, superadmin);

/** Who may update a user's profile. The administrator of a domain only if no other domain shares the user (docs/decisions/0033). */
export const profileRule = all(scope('users:write'), any(all(self, reached), all(domainAdmin, exclusive), outranks, superadmin));

/** Who may change a user's settings: the callers who may write the user. */
export const settingRule = all(scope('settings:write'), owner);

/** Who may enable and disable a user. */
export const manageStatusRule = all(scope('users:write'), any(outranks, superadmin));

/** Who may mark an email address as confirmed without proof of its owner. */
export const confirmWithoutProofRule = all(session, fresh, any(outranks, superadmin));
