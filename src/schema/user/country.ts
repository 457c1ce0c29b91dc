import { z } from 'zod';
import { builder } from '../../graphql/builder.ts';
import { anyone } from '../../policy/conditions.ts';

// The assigned codes of ISO 3166-1 alpha-2. Reserved codes (UK, EU) and user-assigned ones (XK) are invalid.
const assigned = new Set(
  `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI
  CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ
  GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS
  LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG
  PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK
  TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW`.split(/\s+/),
);

/** A country code, or empty. */
export const countryCode = z.string().refine((code) => code === '' || assigned.has(code), 'must be an ISO 3166-1 alpha-2 country code');

interface NamedCountry {
  readonly code: string;
  readonly name: string;
}

const names = new Intl.DisplayNames('en', { type: 'region' });

const countries: readonly NamedCountry[] = [...assigned]
  .map((code) => ({ code, name: names.of(code) ?? code }))
  .sort((a, b) => a.name.localeCompare(b.name, 'en'));

const Country = builder.objectRef<NamedCountry>('Country').implement({
  description: 'A country of ISO 3166-1.',
  access: anyone('the list is public'),
  fields: (t) => ({
    code: t.exposeString('code', { nullable: false, description: 'ISO 3166-1 alpha-2 code, as in `User.country`.' }),
    name: t.exposeString('name', { nullable: false, description: 'English name.' }),
  }),
});

builder.queryField('countries', (t) =>
  t.field({
    type: [Country],
    nullable: { list: false, items: false },
    description: 'The countries that `User.country` accepts, sorted by name.',
    access: anyone('the list is public'),
    resolve: () => countries,
  }),
);
