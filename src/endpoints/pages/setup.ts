import { html } from '../../lib/html.ts';
import type { Form, FormField } from './form.ts';
import { displayName, email, newPassword } from './pages.ts';

/** The form of the link that the server prints in development. */
const setup: Form = {
  tokenParam: 'token',
  title: 'Create the first administrator',
  description: ['The first administrator has the role SUPERADMIN, which permits everything.'],
  fields: [email, displayName, newPassword('password')],
  button: 'Create administrator',
  wrongToken: {
    title: 'No administrator was created',
    message: 'The setup token is wrong, or an administrator exists already.',
  },
  retry: 'Enter the setup token again',
  mutation: 'mutation ($input: CreateFirstSuperadminInput!) { done: createFirstSuperadmin(input: $input) { ok } }',
  done: () => ({
    title: 'Administrator created',
    content: [html`<p>You can log in with your email address and password now.</p>`],
  }),
};

const setupToken: FormField = {
  name: 'token',
  label: 'Setup token',
  type: 'text',
  autocomplete: 'off',
  hint: () => 'The value of the setting SETUP_TOKEN.',
};

const { tokenParam: _, ...withoutLink } = setup;

/** The forms of `/setup`: that of the link, and one for the token of the settings. */
export const setupForms: readonly Form[] = [setup, { ...withoutLink, fields: [setupToken, ...setup.fields] }];
