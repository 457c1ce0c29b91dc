import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer } from '../test-server.ts';

const server = await startTestServer();
const query = graphql(`query Countries { countries { code name } }`);

describe('countries', () => {
  it('lists the 249 countries of ISO 3166-1 with their names, ordered by name, to anonymous callers', async () => {
    const { countries } = (await anonymous(server).query(query)).data;
    expect(countries).toHaveLength(249);
    expect(countries).toContainEqual({ code: 'GB', name: 'United Kingdom' });
    expect([countries[0]?.code, countries.at(-1)?.code]).toEqual(['AF', 'ZW']);
    for (const { code, name } of countries) expect(name).not.toBe(code);
  });

  it('lists the codes that updateProfile accepts', async () => {
    const alice = await server.user();
    const { countries } = (await alice.query(query)).data;
    const change = 'mutation ($country: String) { updateProfile(input: { country: $country }) { user { country } } }';
    for (const { code: country } of [countries[7], countries[99], countries[248]] as { code: string }[])
      expect((await alice.query(change, { country })).data.updateProfile.user).toEqual({ country });
  });
});
