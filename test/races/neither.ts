/** The mutations that neither open nor end anything, and why. A mutation that is in no list fails the test. */
export const neither: Readonly<Record<string, string>> = {
  changeUsername: 'changes a name to log in with; every session and link stays as it is',
  createFirstSuperadmin:
    'creates an account that did not exist before; of concurrent calls exactly one succeeds (create-first-superadmin.test.ts)',
  createDomain: 'an empty domain that no one may enter yet',
  createRole: 'a role that no one holds yet',
  deleteSetting: 'data of the caller',
  enableUser: 'lifts a block; the owner has to log in again',
  recoverUsername: 'an email without a link',
  register: 'creates an account that did not exist before; its session is created like that of a login',
  resendConfirmation: 'an email whose link is created by the same code as that of requestPasswordReset',
  restoreUser: 'lifts a deletion; the owner has to log in again',
  setSetting: 'data of the caller',
  unlockUser: 'ends the wait after failed logins; the owner still has to log in',
  updateProfile: 'data of the caller',
  updateRole: 'changes permissions, which every request reads anew',
  updateUser: 'data of a user',
};
