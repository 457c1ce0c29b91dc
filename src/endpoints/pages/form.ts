import type { Config } from '../../config.ts';
import type { Html } from '../../lib/html.ts';

/** A field of a form, under its name in the input of the mutation. */
export interface FormField {
  readonly name: string;
  readonly label: string;
  readonly type: 'password' | 'email' | 'text';
  readonly autocomplete: 'new-password' | 'current-password' | 'email' | 'name' | 'one-time-code' | 'off';
  readonly optional?: true;
  /** Submitted with the second button too. */
  readonly always?: true;
  hint?(config: Pick<Config, 'PASSWORD_MIN'>): string;
}

/** A form of a page, and the mutation that it runs. */
export interface Form {
  /** The query parameter with the token of an email link. */
  readonly tokenParam?: 'token' | 'undo';
  /** A query parameter without a value, with which the form is shown although the URL has no token. */
  readonly shownAt?: 'code';
  readonly title: string;
  readonly description: readonly string[];
  readonly fields: readonly FormField[];
  readonly button: string;
  /** A second button, which submits only the fields that are always submitted. */
  readonly alternative?: { readonly button: string; readonly description: string };
  /** A link below the form to another form of the page. */
  readonly otherForm?: { readonly query: '' | '?code'; readonly label: string };
  /** The texts for a wrong token; by default those of email links. */
  readonly wrongToken?: { readonly title: string; readonly message: string };
  /** The label of the link from a wrong token to the last form of the page. Without it there is no link. */
  readonly retry?: string;
  /** Has one variable, `input`, and one field, `done`. */
  readonly mutation: string;
  /** What is shown afterwards, by the result of the mutation. */
  done(payload: Readonly<Record<string, unknown>>): { readonly title: string; readonly content: readonly Html[] };
}
