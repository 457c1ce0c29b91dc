import type { InputFields } from '../../graphql/builder.ts';
import { singleLineText } from '../../lib/validators.ts';

/** The input fields that identify a link sent by email: its token, or the email address and the code. */
export const linkFields = (t: InputFields) => ({
  token: t.string({ validate: singleLineText(120), description: 'The token from the link in the email.' }),
  email: t.string({
    validate: singleLineText(254),
    description: 'The address that the email was sent to. Required with `code`.',
  }),
  code: t.string({
    validate: singleLineText(20),
    description: 'The code from the email, as an alternative to `token`. Blanks and dashes in it are ignored.',
  }),
});
