import { accessReset } from './letters/access-reset.ts';
import { accountDeleted } from './letters/account-deleted.ts';
import { addressChanged } from './letters/address-changed.ts';
import { alreadyRegistered } from './letters/already-registered.ts';
import { confirmation } from './letters/confirmation.ts';
import { invitation } from './letters/invitation.ts';
import { newAddress } from './letters/new-address.ts';
import { newLogin } from './letters/new-login.ts';
import { passwordChanged } from './letters/password-changed.ts';
import { passwordReset } from './letters/password-reset.ts';
import { tokenReused } from './letters/token-reused.ts';
import { usernameReminder } from './letters/username-reminder.ts';
import { welcome } from './letters/welcome.ts';

/** Every letter, by the name under which the outbox keeps it. */
export const letters = {
  accessReset,
  accountDeleted,
  addressChanged,
  alreadyRegistered,
  confirmation,
  invitation,
  newAddress,
  newLogin,
  passwordChanged,
  passwordReset,
  tokenReused,
  usernameReminder,
  welcome,
};

export type LetterName = keyof typeof letters;

/** What a letter tells. */
export type FactsOf<Name extends LetterName> = {
  [One in LetterName]: (typeof letters)[One] extends { write(facts: infer Facts, ...rest: never[]): unknown } ? Facts : never;
}[Name];
