/** A verified password. What it allows is done only if, in the same transaction, the account still has this hash and this version. */
export interface PasswordProof {
  readonly userId: string;
  readonly hash: string;
  readonly accessVersion: number;
  /** For a login into a domain: the version of the grants that let the user enter it. */
  readonly entryVersion?: string | null;
}
