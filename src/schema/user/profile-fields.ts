import type { StandardSchemaV1 } from '@pothos/plugin-validation';
import type { Rule } from '../../authorization/rules/rule.ts';
import type { Config } from '../../config.ts';
import { getDatamodel } from '../../database/generated/pothos.ts';
import type { User } from '../../database/generated/prisma/client.ts';
import { defaultAvatarUrl } from '../../identity/accounts/default-avatar.ts';
import { labelText, locale, paragraphText, singleLineText, url } from '../../lib/validators.ts';
import type { Condition } from '../../policy/conditions.ts';
import { countryCode } from './country.ts';

/** Mutations that accept some profile fields. `updateProfile` and `updateUser` accept all of them. */
export type Form = 'acceptInvitation' | 'createFirstSuperadmin' | 'createUser' | 'register';

/**
 * A column of `User` that describes its owner. The type comes from the column and the description from its `///` comment in
 * `schema.prisma`. In inputs, null and an empty text clear the field; erasing the account clears it as well.
 */
interface ProfileField<Value> {
  readonly validate: StandardSchemaV1;
  /** A valid value. The tests and the authorization matrix write it. */
  readonly example: NonNullable<Value>;
  /** Who may read the field, in addition to the rule of `User`. */
  readonly access?: Rule<Condition>;
  /** Reads by other users are recorded in `User.fieldReads`. */
  readonly sensitive?: true;
  /** Further mutations that accept the field. */
  readonly inputs?: readonly Form[];
  /** The value of a cleared or erased field. Defaults to null; required if the column is not nullable. */
  readonly cleared?: Value;
  /** What the API returns instead of the column. */
  readonly resolve?: (user: User, config: Config) => Value;
}

const phone = singleLineText(40).refine(
  (text) => text === '' || (/^[\d +\-()./]*$/.test(text) && text.replace(/\D/g, '').length >= 5),
  'must have at least 5 digits and otherwise only spaces and + - ( ) . /',
);

/**
 * The profile: a new field is one entry here. The output field, all inputs, erasure, and the values used in tests follow from it.
 * A column of `User` that is neither here nor in `erase-account.ts` does not compile.
 */
export const profileFields = {
  displayName: {
    validate: labelText(120),
    example: 'Ada',
    inputs: ['acceptInvitation', 'createFirstSuperadmin', 'createUser', 'register'],
  },
  firstName: { validate: labelText(120), example: 'Augusta Ada', inputs: ['createUser', 'register'] },
  lastName: { validate: labelText(120), example: "King-Noel, comtesse d'Ève", inputs: ['createUser', 'register'] },
  phone: { validate: phone, example: '+44 20 7946 0958', sensitive: true },
  address: { validate: paragraphText(2_000), example: "12 St James's Square\nLondon", sensitive: true },
  country: { validate: countryCode, example: 'GB' },
  locale: { validate: locale, example: 'en-GB', inputs: ['createUser', 'register'] },
  avatarUrl: {
    validate: url,
    example: 'https://example.com/ada.png?size=2#x',
    resolve: ({ avatarUrl, id }, { PUBLIC_URL }) => avatarUrl ?? defaultAvatarUrl(PUBLIC_URL, id),
  },
} as const satisfies ProfileFields;

type ProfileFields = {
  readonly [Name in keyof User]?: ProfileField<User[Name]> & (null extends User[Name] ? unknown : { cleared: User[Name] });
};

export type ProfileFieldName = keyof typeof profileFields;

/** The names of the fields that the input of a mutation has. */
export type ProfileFieldsOf<Mutation extends Form> = {
  [Name in ProfileFieldName]: (typeof profileFields)[Name] extends { inputs: readonly (infer Listed)[] }
    ? Mutation extends Listed
      ? Name
      : never
    : never;
}[ProfileFieldName];

export const profileEntries = Object.entries(profileFields) as [ProfileFieldName, ProfileField<User[ProfileFieldName]>][];

/** An empty profile: the values after clearing every field or erasing the account. */
export const clearedProfile = Object.fromEntries(profileEntries.map(([name, { cleared = null }]) => [name, cleared])) as Pick<
  User,
  ProfileFieldName
>;

const columns = new Map(getDatamodel().datamodel.models.User?.fields.map((column) => [column.name, column]));

/** The type and the description of a field, from `schema.prisma`. */
export function profileColumn(name: ProfileFieldName) {
  const { type = '', documentation = '' } = columns.get(name) ?? {};
  return { type: type as 'String', documentation };
}
