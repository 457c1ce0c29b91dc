import type { Config } from '../../config.ts';
import type { Html } from '../../lib/html.ts';

/** What a form asks for, under the name that it has in the input of the mutation. */
export interface FormField {
  readonly name: string;
  readonly label: string;
  readonly type: 'password' | 'email' | 'text';
  readonly autocomplete: 'new-password' | 'current-password' | 'email' | 'name';
  readonly optional?: true;
  hint?(config: Pick<Config, 'PASSWORD_MIN'>): string;
}

/** What a page asks a person for, and the mutation that it does with that. */
export interface Form {
  /** The parameter of the address that brings the token of a link; the form without it is for whoever has none. */
  readonly tokenParam?: 'token' | 'undo';
  readonly title: string;
  readonly description: readonly string[];
  readonly fields: readonly FormField[];
  readonly button: string;
  /** A second button, which leaves the fields out. */
  readonly alternative?: { readonly button: string; readonly says: string };
  /** With one variable, `input`, and one field, `done`. */
  readonly mutation: string;
  /** What is shown when it is done, by what the mutation answers. */
  done(answer: Readonly<Record<string, unknown>>): { readonly title: string; readonly says: readonly Html[] };
}
