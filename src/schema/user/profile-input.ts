import type { InputFieldRef } from '@pothos/core';
import type { User } from '../../database/generated/prisma/client.ts';
import type { builder, InputFields } from '../../graphql/builder.ts';
import { type Form, type ProfileFieldName, type ProfileFieldsOf, profileColumn, profileEntries } from './profile-fields.ts';

type Inputs<Name extends ProfileFieldName> = {
  [Field in Name]: InputFieldRef<(typeof builder)['$inferSchemaTypes'], User[Field] | null | undefined>;
};

/** The input fields of the whole profile: what is omitted stays; null or an empty text clears. */
export const allProfileInputs = (t: InputFields) => inputsOf(t, () => true) as Inputs<ProfileFieldName>;

/** The input fields of the part of the profile that a mutation accepts. */
export const profileInputs = <Mutation extends Form>(t: InputFields, mutation: Mutation) =>
  inputsOf(t, (inputs) => inputs.includes(mutation)) as Inputs<ProfileFieldsOf<Mutation>>;

function inputsOf(t: InputFields, accepts: (inputs: readonly Form[]) => boolean) {
  const accepted = profileEntries.filter(([, { inputs = [] }]) => accepts(inputs));
  return Object.fromEntries(
    accepted.map(([name, { validate }]) => {
      const { type, documentation: description } = profileColumn(name);
      return [name, t.field({ type, validate, description })];
    }),
  );
}

/** The columns that the profile fields of an input change; other fields of the input are ignored. */
export function profileChanges(input: Readonly<Record<string, unknown>>): Partial<Pick<User, ProfileFieldName>> {
  const given = profileEntries.filter(([name]) => input[name] !== undefined);
  return Object.fromEntries(given.map(([name, { cleared = null }]) => [name, isEmpty(input[name]) ? cleared : input[name]]));
}

const isEmpty = (value: unknown) => value === null || value === '';
