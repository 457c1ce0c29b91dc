import { accessReset } from './access-reset.ts';
import { accountDeleted } from './account-deleted.ts';
import { addressChanged } from './address-changed.ts';
import { alreadyRegistered } from './already-registered.ts';
import { confirmation } from './confirmation.ts';
import { invitation } from './invitation.ts';
import { newAddress } from './new-address.ts';
import { newLogin } from './new-login.ts';
import { passwordChanged } from './password-changed.ts';
import { passwordReset } from './password-reset.ts';
import { tokenReused } from './token-reused.ts';
import { usernameReminder } from './username-reminder.ts';
import { welcome } from './welcome.ts';

/** Every letter, by the name under which the outbox keeps it. */
export const emailTemplates = {
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

export type EmailTemplateName = keyof typeof emailTemplates;

/** What a letter tells. */
export type TemplateData<Name extends EmailTemplateName> = {
  [One in EmailTemplateName]: (typeof emailTemplates)[One] extends { write(facts: infer Facts, ...rest: never[]): unknown } ? Facts : never;
}[Name];
