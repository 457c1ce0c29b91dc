import { html } from '../../lib/html.ts';
import type { Form, FormField } from './form.ts';

export const newPassword = (name: string): FormField => ({
  name,
  label: 'New password',
  type: 'password',
  autocomplete: 'new-password',
  hint: ({ PASSWORD_MIN }) => `At least ${PASSWORD_MIN} characters. Several unrelated words are easy to remember and hard to guess.`,
});

const currentPassword: FormField = { name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' };

export const email: FormField = { name: 'email', label: 'Email address', type: 'email', autocomplete: 'email' };

export const displayName: FormField = { name: 'displayName', label: 'Display name', type: 'text', autocomplete: 'name', optional: true };

const code: FormField = {
  name: 'code',
  label: 'Code',
  type: 'text',
  autocomplete: 'one-time-code',
  always: true,
  hint: () => 'The 8 digits in the email, with or without spaces.',
};

/** The form for a person who opens the page without the link, for example on another device. */
const withCode = ({ tokenParam: _, description, fields, ...form }: Form): Form => ({
  ...form,
  description: ['Enter the address that the email was sent to and the code in it.', ...description],
  fields: [{ ...email, always: true }, code, ...fields],
});

const toCode = { query: '?code', label: 'I have a code' } as const;
const toRequest = { query: '', label: 'Request a new email' } as const;

const emailRequested = (path: string) => ({
  title: 'Check your email',
  content: [
    html`<p>If an account has this address, we have sent it an email with a link. It may take a minute to arrive.</p>`,
    html`<p><a href="${path}?code">Enter the code from the email</a></p>`,
  ],
});

const confirm: Form = {
  tokenParam: 'token',
  title: 'Confirm your email address',
  description: ['Enter the password that you chose when you created the account.'],
  fields: [currentPassword],
  button: 'Confirm email address',
  retry: toRequest.label,
  alternative: {
    button: "I didn't create this account",
    description:
      'If someone else created the account, or you do not know its password, confirm without it. The password is then removed and can no longer be used to log in.',
  },
  mutation: 'mutation ($input: ConfirmEmailInput!) { done: confirmEmail(input: $input) { passwordKept } }',
  done: ({ passwordKept }) => ({
    title: 'Email address confirmed',
    content: passwordKept
      ? [html`<p>You can log in now.</p>`]
      : [html`<p>The password was removed. <a href="reset">Choose a new one</a> to log in.</p>`],
  }),
};

const resendConfirmation: Form = {
  title: 'Resend the confirmation email',
  description: ['We will email you a link to confirm your address.'],
  fields: [email],
  button: 'Send email',
  mutation: 'mutation ($input: ResendConfirmationInput!) { done: resendConfirmation(input: $input) { ok } }',
  otherForm: toCode,
  done: () => emailRequested('confirm'),
};

const resetPassword: Form = {
  tokenParam: 'token',
  title: 'Choose a new password',
  description: ['Setting a new password logs you out everywhere.'],
  fields: [newPassword('newPassword')],
  button: 'Set password',
  retry: toRequest.label,
  mutation: 'mutation ($input: ResetPasswordInput!) { done: resetPassword(input: $input) { ok } }',
  done: () => ({ title: 'Password changed', content: [html`<p>You can log in with the new password now.</p>`] }),
};

const requestPasswordReset: Form = {
  title: 'Forgot your password?',
  description: ['We will email you a link to choose a new one.'],
  fields: [email],
  button: 'Send email',
  mutation: 'mutation ($input: RequestPasswordResetInput!) { done: requestPasswordReset(input: $input) { ok } }',
  otherForm: toCode,
  done: () => emailRequested('reset'),
};

const acceptInvitation: Form = {
  tokenParam: 'token',
  title: 'Accept the invitation',
  description: [
    'If you already have an account with this email address, log in there and accept the invitation with the code from the email.',
  ],
  fields: [displayName, newPassword('password')],
  button: 'Create account',
  retry: 'Enter the code instead',
  mutation: 'mutation ($input: AcceptInvitationInput!) { done: acceptInvitation(input: $input) { made } }',
  done: () => ({ title: 'Account created', content: [html`<p>You can log in with your email address and password now.</p>`] }),
};

const changeEmail: Form = {
  tokenParam: 'token',
  title: 'Confirm your new email address',
  description: ['Enter your password to change the email address of your account. You will be logged out everywhere.'],
  fields: [currentPassword],
  button: 'Change email address',
  retry: 'Enter the code instead',
  mutation: 'mutation ($input: ConfirmEmailChangeInput!) { done: confirmEmailChange(input: $input) { ended } }',
  done: () => ({
    title: 'Email address changed',
    content: [html`<p>Log in with the new address from now on. We have sent a notification to the old address.</p>`],
  }),
};

const undoEmailChange: Form = {
  tokenParam: 'undo',
  title: 'Undo the email address change',
  description: [
    'This restores the old email address of your account, revokes all sessions and API tokens, and removes the password. You can then choose a new one.',
  ],
  fields: [],
  button: 'Undo the change',
  mutation: 'mutation ($input: UndoEmailChangeInput!) { done: undoEmailChange(input: $input) { ok } }',
  done: () => ({
    title: 'Old email address restored',
    content: [html`<p>We have sent it an email with a link to choose a new password.</p>`],
  }),
};

/** The forms of the pages that emails link to, by path. The last one is shown if the URL has no query. */
export const pages: Readonly<Record<string, readonly Form[]>> = {
  '/confirm': [confirm, { ...withCode(confirm), shownAt: 'code', otherForm: toRequest }, resendConfirmation],
  '/reset': [resetPassword, { ...withCode(resetPassword), shownAt: 'code', otherForm: toRequest }, requestPasswordReset],
  '/invite': [acceptInvitation, withCode(acceptInvitation)],
  '/email-change': [changeEmail, undoEmailChange, withCode(changeEmail)],
};
