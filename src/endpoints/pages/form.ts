import type { Config } from '../../config.ts';
import type { Html } from '../../lib/html.ts';

/** A field of a form, under its name in the input of the mutation. */
export interface FormField {
  readonly name: string;
  readonly label: string;
  readonly type: 'password' | 'email' | 'text';
  readonly autocomplete: 'new-password' | 'current-password' | 'email' | 'name';
  readonly optional?: true;
  hint?(config: Pick<Config, 'PASSWORD_MIN'>): string;
}

/** A form of a page, and the mutation that it runs. */
export interface Form {
  /** The query parameter with the token of an email link. A form without it is shown if the URL has no token. */
  readonly tokenParam?: 'token' | 'undo';
  readonly title: string;
  readonly description: readonly string[];
  readonly fields: readonly FormField[];
  readonly button: string;
  /** A second button, which submits the form without its fields. */
  readonly alternative?: { readonly button: string; readonly description: string };
  /** Has one variable, `input`, and one field, `done`. */
  readonly mutation: string;
  /** What is shown afterwards, by the result of the mutation. */
  done(payload: Readonly<Record<string, unknown>>): { readonly title: string; readonly content: readonly Html[] };
}
