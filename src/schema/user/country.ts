import { z } from 'zod';
import { builder } from '../../graphql/builder.ts';
import { anyone } from '../../policy/conditions.ts';

// The codes that ISO 3166-1 alpha-2 has assigned; those that it reserves (UK, EU) or leaves to users (XK) are none.
const assigned = new Set(
  `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI
  CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ
  GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS
  LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG
  PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK
  TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW`.split(/\s+/),
);

/** A country by its code, or empty. */
export const country = z.string().refine((code) => code === '' || assigned.has(code), 'a country, ISO 3166-1 alpha-2');

interface Named {
  readonly code: string;
  readonly name: string;
}

const names = new Intl.DisplayNames('en', { type: 'region' });

/** All of them, in the order of their names. */
const countries: readonly Named[] = [...assigned]
  .map((code) => ({ code, name: names.of(code) ?? code }))
  .sort((a, b) => a.name.localeCompare(b.name, 'en'));

const Country = builder.objectRef<Named>('Country').implement({
  description: 'A country, as ISO 3166-1 has it.',
  access: anyone('the list is public'),
  fields: (t) => ({
    code: t.exposeString('code', { nullable: false, description: 'The code of two letters, as a profile has it.' }),
    name: t.exposeString('name', { nullable: false, description: 'The name in English.' }),
  }),
});

builder.queryField('countries', (t) =>
  t.field({
    type: [Country],
    nullable: { list: false, items: false },
    description: 'The countries that a profile may name, by their names.',
    access: anyone('the list is public'),
    resolve: () => countries,
  }),
);
