import type { GraphQLError } from 'graphql';
import { codeOf, type ErrorCode, errors } from '../../errors.ts';
import type { Form, FormField } from './form.ts';

/** What is wrong with a submitted form. */
export interface FormErrors {
  readonly status: number;
  readonly code: ErrorCode;
  /** After how many seconds to try again, if the caller was rate-limited. */
  readonly retryAfter?: string | undefined;
  /** The error of the form as a whole, if no field has one. */
  readonly form?: string;
  readonly fields: Readonly<Record<string, readonly string[]>>;
}

/** Messages for people, where that of the API would not help them. */
const messages: Partial<Record<ErrorCode, string>> = {
  UNAUTHENTICATED: 'You already have an account with this email address. Log in there and accept the invitation.',
  INVALID_TOKEN: 'This link is not valid: it was already used, has expired, or was not copied completely.',
  UNAVAILABLE: 'The service is temporarily unavailable. Try again later.',
  INTERNAL: 'Something went wrong. Try again later.',
};

const wrongCode = 'The email address or the code is wrong, or the code was already used or has expired.';

/** The errors of the mutation that a form runs. */
export function toFormErrors(error: GraphQLError, form: Form): FormErrors {
  const { fields = {}, http } = error.extensions as { fields?: Record<string, string[]>; http?: { headers?: Record<string, string> } };
  const code = fields.token ? 'INVALID_TOKEN' : (codeOf(error) ?? 'INTERNAL');
  const common = { status: statusOf(code), code, retryAfter: http?.headers?.['retry-after'] };
  const byField = code === 'INVALID_CREDENTIALS' ? { password: ['Wrong password.'] } : fields;
  const ofForm = Object.entries(byField).filter(([name]) => form.fields.some((field) => field.name === name));
  const wrongToken = form.wrongToken?.message ?? (form.tokenParam ? messages.INVALID_TOKEN : wrongCode);
  const message = (code === 'INVALID_TOKEN' ? wrongToken : messages[code]) ?? errors[code].message;
  if (ofForm.length === 0) return { ...common, form: message, fields: {} };
  return { ...common, fields: Object.fromEntries(ofForm.map(([name, texts]) => [name, texts.map(toSentence)])) };
}

/** Checks required fields before the mutation runs: without one of them, it may do something that the person did not mean. */
export function findMissingFields(fields: readonly FormField[], values: ReadonlyMap<string, string>): FormErrors | undefined {
  const missing = fields.filter(({ name, optional }) => !optional && !values.has(name));
  if (missing.length === 0) return undefined;
  return { status: 400, code: 'INVALID_INPUT', fields: Object.fromEntries(missing.map(({ name }) => [name, ['This field is required.']])) };
}

/** A form is no resource with HTTP authentication, which 401 would require. */
function statusOf(code: ErrorCode): number {
  const { status } = errors[code];
  return status === 401 ? 400 : status;
}

const toSentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
