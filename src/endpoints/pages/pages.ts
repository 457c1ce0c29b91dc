import { html } from '../../lib/html.ts';
import type { Form, FormField } from './form.ts';

const newPassword = (name: string): FormField => ({
  name,
  label: 'New password',
  type: 'password',
  autocomplete: 'new-password',
  hint: ({ PASSWORD_MIN: least }) =>
    `At least ${least} characters. Some words that have nothing to do with each other are easy to keep in mind.`,
});

const email: FormField = { name: 'email', label: 'E-mail address', type: 'email', autocomplete: 'email' };

const askedFor = {
  title: 'Look into your mail',
  says: [html`<p>If there is such an account, a letter with a link is on its way to it. It may take a minute.</p>`],
};

const confirm: Form = {
  tokenParam: 'token',
  title: 'Confirm your e-mail address',
  description: ['Type the password that you chose when you made the account.'],
  fields: [{ name: 'password', label: 'The password that you chose', type: 'password', autocomplete: 'current-password' }],
  button: 'Confirm the address',
  alternative: {
    button: 'I did not choose one',
    says: 'If somebody else made the account, or you do not know its password, confirm without it: the password is removed, and whoever chose it cannot get in.',
  },
  mutation: 'mutation ($input: ConfirmEmailInput!) { done: confirmEmail(input: $input) { passwordKept } }',
  done: ({ passwordKept }) => ({
    title: 'The address is confirmed',
    says: passwordKept
      ? [html`<p>You can log in now.</p>`]
      : [html`<p>The password was removed. <a href="reset">Choose a new one</a>, and you can log in.</p>`],
  }),
};

const confirmAgain: Form = {
  title: 'Ask for the letter once more',
  description: ['We mail you a link by which you confirm that the address is yours.'],
  fields: [email],
  button: 'Send the letter',
  mutation: 'mutation ($input: ResendConfirmationInput!) { done: resendConfirmation(input: $input) { ok } }',
  done: () => askedFor,
};

const reset: Form = {
  tokenParam: 'token',
  title: 'Choose a new password',
  description: ['All sessions of the account end when the new password is set.'],
  fields: [newPassword('newPassword')],
  button: 'Set the password',
  mutation: 'mutation ($input: ResetPasswordInput!) { done: resetPassword(input: $input) { ok } }',
  done: () => ({ title: 'The password is set', says: [html`<p>You can log in with it now.</p>`] }),
};

const askForReset: Form = {
  title: 'Forgotten the password?',
  description: ['We mail you a link by which you choose a new one.'],
  fields: [email],
  button: 'Send the letter',
  mutation: 'mutation ($input: RequestPasswordResetInput!) { done: requestPasswordReset(input: $input) { ok } }',
  done: () => askedFor,
};

const invite: Form = {
  tokenParam: 'token',
  title: 'Accept the invitation',
  description: ['If your e-mail address has an account already, log in where you use it, and accept there with the code of the letter.'],
  fields: [
    { name: 'displayName', label: 'The name that others see', type: 'text', autocomplete: 'name', optional: true },
    newPassword('password'),
  ],
  button: 'Make the account',
  mutation: 'mutation ($input: AcceptInvitationInput!) { done: acceptInvitation(input: $input) { made } }',
  done: () => ({ title: 'The account is made', says: [html`<p>You can log in with your e-mail address and the password now.</p>`] }),
};

const changeEmail: Form = {
  tokenParam: 'token',
  title: 'Confirm your new e-mail address',
  description: ['Type the password of your account, and it gets this address. All its sessions end; log in with the new address then.'],
  fields: [{ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' }],
  button: 'Change the address',
  mutation: 'mutation ($input: ConfirmEmailChangeInput!) { done: confirmEmailChange(input: $input) { ended } }',
  done: () => ({
    title: 'The address is changed',
    says: [html`<p>You log in with it from now on. The old address has got a letter that says so.</p>`],
  }),
};

const undoEmailChange: Form = {
  tokenParam: 'undo',
  title: 'Undo the change of your e-mail address',
  description: [
    'Your account gets its old address back, all its sessions and API tokens end, and its password is removed: you choose a new one.',
  ],
  fields: [],
  button: 'Undo the change',
  mutation: 'mutation ($input: UndoEmailChangeInput!) { done: undoEmailChange(input: $input) { ok } }',
  done: () => ({
    title: 'The old address is back',
    says: [html`<p>A letter with a link is on its way to it, by which you choose a new password.</p>`],
  }),
};

/** What the pages ask for that letters link to, by their path: what their link brings decides which form is shown. */
export const pages: Readonly<Record<string, readonly Form[]>> = {
  '/confirm': [confirm, confirmAgain],
  '/reset': [reset, askForReset],
  '/invite': [invite],
  '/email-change': [changeEmail, undoEmailChange],
};
