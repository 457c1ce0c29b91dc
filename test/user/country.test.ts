import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { nobody, open } from '../test-server.ts';

const world = await open();
const query = graphql(`query Countries { countries { code name } }`);

describe('countries', () => {
  it('lists the 249 of ISO 3166-1 with their names, in their order, to anybody', async () => {
    const { countries } = (await nobody(world).ask(query)).data;
    expect(countries).toHaveLength(249);
    expect(countries).toContainEqual({ code: 'GB', name: 'United Kingdom' });
    expect([countries[0]?.code, countries.at(-1)?.code]).toEqual(['AF', 'ZW']);
    for (const { code, name } of countries) expect(name).not.toBe(code);
  });

  it('lists what a profile takes', async () => {
    const alice = await world.user();
    const { countries } = (await alice.ask(query)).data;
    const change = 'mutation ($country: String) { updateProfile(input: { country: $country }) { user { country } } }';
    for (const { code: country } of [countries[7], countries[99], countries[248]] as { code: string }[])
      expect((await alice.ask(change, { country })).data.updateProfile.user).toEqual({ country });
  });
});
