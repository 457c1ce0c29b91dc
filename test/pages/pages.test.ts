import { type GraphQLInputObjectType, GraphQLNonNull, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { pages } from '../../src/endpoints/pages/pages.ts';
import { emailTemplates } from '../../src/mail/templates/registry.ts';
import { schema } from '../../src/schema/schema.ts';

const forms = Object.entries(pages).flatMap(([path, all]) => all.map((form) => ({ path, form, name: `${path}: ${form.title}` })));

describe('the table of pages', () => {
  it.each(forms)('refers to a valid mutation ($name)', ({ form }) => {
    expect(validate(schema, parse(form.mutation))).toEqual([]);
  });

  it.each(forms)("has exactly fields of the mutation's input, including all required ones ($name)", ({ form }) => {
    const [, input = ''] = /\$input: (\w+)!/.exec(form.mutation) ?? [];
    const fields = Object.values((schema.getType(input) as GraphQLInputObjectType).getFields());
    const given = [...form.fields.map(({ name }) => name), ...(form.tokenParam ? ['token'] : [])];
    expect(given.filter((name) => !fields.some((field) => field.name === name))).toEqual([]);
    const needed = fields.filter(({ type, defaultValue }) => type instanceof GraphQLNonNull && defaultValue === undefined);
    expect(needed.filter(({ name }) => !given.includes(name))).toEqual([]);
  });

  it('contains the page that each email links to', () => {
    const linked = Object.values(emailTemplates).flatMap((template) => ('link' in template ? [template.link.path] : []));
    expect(linked.length).toBeGreaterThan(0);
    for (const path of linked) expect(pages).toHaveProperty([path]);
  });
});
