import type { InputFields } from '../../graphql/builder.ts';
import { definedEntries, emptyToNull, locale, multiLineText, singleLineText, url } from '../../lib/validators.ts';
import { country } from './country.ts';

/** A telephone number as people write one, or empty. */
const phone = singleLineText(40).refine(
  (text) => text === '' || (/^[\d +\-()./]*$/.test(text) && text.replace(/\D/g, '').length >= 5),
  'at least 5 digits, and besides them only blanks and + - ( ) . /',
);

/** What a profile is made of, for the input of every verb that changes one: what is left out stays, null or an empty text clears. */
export const profileFields = (t: InputFields) => ({
  displayName: t.string({ validate: singleLineText(120), description: 'The name that others see.' }),
  firstName: t.string({ validate: singleLineText(120), description: 'The given name.' }),
  lastName: t.string({ validate: singleLineText(120), description: 'The family name.' }),
  phone: t.string({ validate: phone, description: 'A telephone number.' }),
  address: t.string({ validate: multiLineText(2_000), description: 'A postal address.' }),
  country: t.string({ validate: country, description: 'The country, ISO 3166-1 alpha-2.' }),
  locale: t.string({ validate: locale, description: 'The preferred language, a BCP 47 tag.' }),
  avatarUrl: t.string({ validate: url, description: 'Where the picture is found; https.' }),
});

/** What an input of these fields changes, as it is written. */
export const profileChanges = (profile: Record<string, string | null | undefined>): Record<string, string | null> =>
  Object.fromEntries(definedEntries(profile).map(([name, value]) => [name, emptyToNull(value)]));
