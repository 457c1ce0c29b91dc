import { accessReset } from './access-reset.ts';
import { accountDeleted } from './account-deleted.ts';
import { alreadyRegistered } from './already-registered.ts';
import { apiTokenCreated } from './api-token-created.ts';
import { emailChangeConfirmation } from './email-change-confirmation.ts';
import { emailChanged } from './email-changed.ts';
import { emailConfirmation } from './email-confirmation.ts';
import { emailMarkedConfirmed } from './email-marked-confirmed.ts';
import { invitation } from './invitation.ts';
import { newLogin } from './new-login.ts';
import { passwordChanged } from './password-changed.ts';
import { passwordReset } from './password-reset.ts';
import { tokenReused } from './token-reused.ts';
import { usernameReminder } from './username-reminder.ts';
import { welcome } from './welcome.ts';

/** Every email template, by the name stored in the outbox. */
export const emailTemplates = {
  accessReset,
  accountDeleted,
  alreadyRegistered,
  apiTokenCreated,
  emailChangeConfirmation,
  emailChanged,
  emailConfirmation,
  emailMarkedConfirmed,
  invitation,
  newLogin,
  passwordChanged,
  passwordReset,
  tokenReused,
  usernameReminder,
  welcome,
};

export type EmailTemplateName = keyof typeof emailTemplates;

/** The data of a template. */
export type TemplateData<Name extends EmailTemplateName> = {
  [Key in EmailTemplateName]: (typeof emailTemplates)[Key] extends { write(data: infer Data, ...rest: never[]): unknown } ? Data : never;
}[Name];
