import type { InputFields } from '../../graphql/builder.ts';
import { emptyToNull, given, line, locale, prose, url } from '../../lib/validators.ts';
import { country } from './country.ts';

/** A telephone number as people write one, or empty. */
const phone = line(40).refine(
  (text) => text === '' || (/^[\d +\-()./]*$/.test(text) && text.replace(/\D/g, '').length >= 5),
  'at least 5 digits, and besides them only blanks and + - ( ) . /',
);

/** What a profile is made of, for the input of every verb that changes one: what is left out stays, null or an empty text clears. */
export const profileFields = (t: InputFields) => ({
  displayName: t.string({ validate: line(120), description: 'The name that others see.' }),
  firstName: t.string({ validate: line(120), description: 'The given name.' }),
  lastName: t.string({ validate: line(120), description: 'The family name.' }),
  phone: t.string({ validate: phone, description: 'A telephone number.' }),
  address: t.string({ validate: prose(2_000), description: 'A postal address.' }),
  country: t.string({ validate: country, description: 'The country, ISO 3166-1 alpha-2.' }),
  locale: t.string({ validate: locale, description: 'The preferred language, a BCP 47 tag.' }),
  avatarUrl: t.string({ validate: url, description: 'Where the picture is found; https.' }),
});

/** What an input of these fields changes, as it is written. */
export const changesOf = (profile: Record<string, string | null | undefined>): Record<string, string | null> =>
  Object.fromEntries(given(profile).map(([name, value]) => [name, emptyToNull(value)]));
