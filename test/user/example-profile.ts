import { type ProfileFieldName, profileEntries } from '../../src/schema/user/profile-fields.ts';

/** A valid value for every field of the profile. */
export const exampleProfile = Object.fromEntries(profileEntries.map(([name, { example }]) => [name, example])) as Record<
  ProfileFieldName,
  string
>;
