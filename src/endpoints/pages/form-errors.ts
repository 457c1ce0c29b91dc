import type { GraphQLError } from 'graphql';
import { codeOf, type ErrorCode, errors } from '../../errors.ts';
import type { Form } from './form.ts';

/** What was wrong with what a form was given, as a person reads it. */
export interface FormErrors {
  readonly status: number;
  readonly code: ErrorCode;
  /** For how many seconds to wait, where that is the remedy. */
  readonly wait?: string | undefined;
  /** What no field is to blame for. */
  readonly whole?: string;
  readonly fields: Readonly<Record<string, readonly string[]>>;
}

/** What the API refuses, in words for a page. What is wrong with a token comes to the same for a person, whichever way it is. */
export function toFormErrors(error: GraphQLError, form: Form): FormErrors {
  const { fields = {}, http } = error.extensions as { fields?: Record<string, string[]>; http?: { headers?: Record<string, string> } };
  const code = fields.token ? 'INVALID_TOKEN' : (codeOf(error) ?? 'INTERNAL');
  const wait = http?.headers?.['retry-after'];
  const found = { status: statusOf(code), code, wait };
  const own = Object.entries(code === 'INVALID_CREDENTIALS' ? { password: [notThePassword] } : fields).filter(([name]) => has(form, name));
  if (own.length === 0) return { ...found, whole: sentences[code] ?? errors[code].message, fields: {} };
  return { ...found, fields: Object.fromEntries(own.map(([name, texts]) => [name, texts.map(asSentence)])) };
}

/** What was left out, found before anything is asked: without the field a mutation may do something else than the person meant. */
export function findMissingFields({ fields }: Form, given: ReadonlyMap<string, string>): FormErrors | undefined {
  const missing = fields.filter(({ name, optional }) => !optional && !given.has(name)).map(({ name }) => [name, ['This is missing.']]);
  return missing.length > 0 ? { status: 400, code: 'INVALID_INPUT', fields: Object.fromEntries(missing) } : undefined;
}

const has = ({ fields }: Form, name: string) => fields.some((field) => field.name === name);

const notThePassword = 'This is not the password of the account.';

const sentences: Partial<Record<ErrorCode, string>> = {
  UNAUTHENTICATED: 'This address has an account already: log in where you use it, and accept the invitation there.',
  INVALID_INPUT: 'The form is invalid. Check your entries.',
  INVALID_TOKEN: 'The link does not work: it was used already, is too old, or its address is not complete.',
};

/** The status of the table. Nobody signs in by HTTP here, as 401 would ask them to. */
function statusOf(code: ErrorCode): number {
  const { status } = errors[code];
  return status === 401 ? 400 : status;
}

const asSentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
