import SchemaBuilder from '@pothos/core';
import '@pothos/plugin-relay';
import { execute, type GraphQLSchema, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { accessPlugins, scopeAuthOptions } from '../../src/authorization/enforce/access-plugin.ts';
import { createAccessState } from '../../src/authorization/evaluate/decisions.ts';
import { accessOf } from '../../src/authorization/rules/registry.ts';
import { all, any, conditionsOf, evaluate, print, type Rule } from '../../src/authorization/rules/rule.ts';
import { admin, anyone, fresh, outranks, scope, self, signedIn, superadmin } from '../../src/policy/conditions.ts';
import { policy } from '../../src/policy/policy.ts';
import { schema } from '../../src/schema/schema.ts';
import { coordinates } from '../matrix/schema-fields.ts';
import { startTestServer } from '../test-server.ts';
import { access, ruleOf } from './access.ts';

const server = await startTestServer();
const public_ = anyone('a test');

const newBuilder = (options: object = {}) =>
  new SchemaBuilder<{ Context: object; Objects: { Thing: object }; Interfaces: { Named: { name: string } } }>({
    plugins: accessPlugins,
    access: { policy },
    scopeAuth: scopeAuthOptions,
    ...options,
  } as never);

type Add = (builder: ReturnType<typeof newBuilder>) => unknown;

/** Builds a small schema with the same plugins, one query and what the test adds. */
function build(add: Add = () => {}, options?: object) {
  const builder = newBuilder(options);
  builder.queryType({ fields: (t) => ({ hello: t.string({ access: public_, resolve: () => 'hello' }) }) });
  add(builder);
  return builder.toSchema();
}

const field = (access?: Rule) => ({ ...(access && { access }), type: 'String' as const, resolve: () => 'secret' });
const row = { extensions: { pothosPrismaModel: 'User' } };

describe('the schema build', () => {
  it.each<[string, Add]>([
    ['Thing', (builder) => builder.objectType('Thing', { fields: (t) => ({ name: t.field(field()) }) })],
    ['Query.things', (builder) => builder.queryField('things', (t) => t.field(field()))],
    ['Mutation.makeThing', (builder) => builder.mutationType({ fields: (t) => ({ makeThing: t.field(field()) }) })],
    [
      'Subscription.thingMade',
      (builder) => builder.subscriptionType({ fields: (t) => ({ thingMade: t.field({ ...field(), subscribe: () => ({}) } as never) }) }),
    ],
    ['ThingFilter.name', (builder) => builder.inputType('ThingFilter', { fields: (t) => ({ name: t.string() }) })],
    ['ThingOrder.name', (builder) => builder.inputType('ThingOrder', { fields: (t) => ({ name: t.string({ required: true }) }) })],
    ['Named', (builder) => builder.interfaceType('Named', { fields: (t) => ({ name: t.string() }) })],
  ])('fails when %s has no rule', (coordinate, add) => {
    expect(() => build(add)).toThrow(`${coordinate} has no access rule`);
  });

  it.each(['everybody', 'constructor'])('fails when a rule uses the unknown condition "%s"', (is) => {
    expect(() => build((builder) => builder.queryField('things', (t) => t.field(field({ is }))))).toThrow(
      `Query.things: "${is}" is not a condition of the policy`,
    );
  });

  it('fails when a rule depends on a row where there is none', () => {
    const thing =
      (access: Rule, name?: Rule): Add =>
      (builder) =>
        builder.objectType('Thing', { access, fields: (t) => ({ name: t.field(field(name)) }) });
    expect(() => build(thing(any(self, admin)))).toThrow('Thing: "self" needs a row');
    expect(() => build(thing(signedIn, outranks))).toThrow('Thing.name: "outranks" needs a row');
  });

  it('registers the rule of an argument under its own coordinate, not that of a field with the same name', () => {
    const built = build((builder) =>
      builder.queryField('things', (t) => t.field({ ...field(admin), args: { hello: t.arg.string({ access: superadmin }) } } as never)),
    );
    const { rules } = accessOf(built);
    expect(rules.get('Query.hello')).toEqual(public_);
    expect(rules.get('Query.things(hello:)')).toEqual(superadmin);
  });

  it('lets a field narrow the rule of its type but never widen it', () => {
    const built = build((builder) =>
      builder.objectType('Thing', { ...row, access: admin, fields: (t) => ({ name: t.field(field(public_)) }) }),
    );
    expect(print(accessOf(built).rules.get('Thing.name') as Rule)).toBe('admin & anyone(a test)');
  });

  it('fails when the plugins of the engine are in another order, or not together', () => {
    const [access, scopeAuth, guardBoundary] = accessPlugins;
    const orders = [
      [scopeAuth, access, guardBoundary],
      [access, guardBoundary, scopeAuth],
      [guardBoundary, access, scopeAuth],
      [access, scopeAuth],
      ['relay', access, scopeAuth, guardBoundary],
      [access, scopeAuth, 'relay', guardBoundary],
    ];
    for (const plugins of orders)
      expect(() => build(undefined, { plugins }), plugins.join()).toThrow('must begin with access, scopeAuth, guardBoundary');
    expect(() => build(undefined, { plugins: [...accessPlugins, 'relay'] })).not.toThrow();
  });

  it('shares no rules with another schema of the process', () => {
    const [one, other] = [admin, superadmin].map((rule) => build((builder) => builder.queryField('things', (t) => t.field(field(rule)))));
    expect([one, other].map((built) => accessOf(built as GraphQLSchema).rules.get('Query.things'))).toEqual([admin, superadmin]);
    expect(access.rules.has('Query.things')).toBe(false);
  });

  it('adds each rule as a directive and as the last line of the description', () => {
    for (const coordinate of coordinates()) {
      const { extensions, description } = at(coordinate);
      const rule = print(ruleOf(coordinate));
      expect(extensions.directives, coordinate).toEqual({
        access: { rule, ...(access.sensitive.has(coordinate) && { sensitive: true }) },
      });
      if (description) expect(description.endsWith(`\n\nAccess: ${rule}`), coordinate).toBe(true);
    }
  });
});

describe('a condition that throws', () => {
  const explode = () => {
    throw new Error('the database is away');
  };
  const explodes = { is: 'explodes' };
  const conditions = { ...policy.conditions, explodes: { label: 'fails', dependsOn: 'viewer', inMemory: explode } };
  const run = async (add: Add, query: string) => {
    const built = build(add, { access: { policy: { ...policy, conditions } } });
    return execute({ schema: built, document: parse(query), contextValue: createAccessState(accessOf(built), null) });
  };
  const thing =
    (type: Rule, name: Rule): Add =>
    (builder) => {
      builder.objectType('Thing', { access: type, fields: (t) => ({ name: t.field(field(name)) }) });
      builder.queryField('thing', (t) => t.field({ type: 'Thing', access: public_, resolve: () => ({}) } as never));
    };

  it.each<[string, Add, string]>([
    ['root field', (builder) => builder.queryField('thing', (t) => t.field(field(explodes))), '{ thing }'],
    ['type', thing(explodes, public_), '{ thing { name } }'],
    ['field', thing(public_, explodes), '{ thing { name } }'],
    ['part of a rule', thing(public_, any(explodes, public_)), '{ thing { name } }'],
  ])('denies access in the rule of a %s', async (_, add, query) => {
    const { data, errors } = await run(add, query);
    expect(JSON.stringify(data)).not.toContain('secret');
    expect(errors).toHaveLength(1);
  });
});

describe('a rule', () => {
  const rule = all(scope('users:read'), any(self, admin), any(outranks, superadmin));

  it('prints in the syntax that is parsed', () => {
    expect(print(rule)).toBe('scope(users:read) & (self | admin) & (outranks | superadmin)');
    expect(conditionsOf(rule).map((atom) => print(atom))).toEqual(['scope(users:read)', 'self', 'admin', 'outranks', 'superadmin']);
  });

  it('is simplified when it is combined with itself', () => {
    expect(print(all(all(admin, fresh), admin, any(fresh, fresh)))).toBe('admin & fresh');
    expect(any(self, self)).toBe(self);
  });

  it('is decided by the known conditions, and undefined only if they do not suffice', () => {
    const known = (truths: Record<string, boolean>) => evaluate(rule, ({ is }) => truths[is]);
    expect(known({ scope: false })).toBe(false);
    expect(known({ scope: true, self: true, superadmin: true })).toBe(true);
    expect(known({ scope: true, self: true })).toBeUndefined();
  });
});

describe('accessRules', () => {
  interface Entry {
    coordinate: string;
    rule: string;
    tree: Rule;
  }
  const run = async (type?: string) =>
    (await server.query('query ($type: String) { accessRules(type: $type) { coordinate rule tree } }', { type })).data
      .accessRules as Entry[];

  it('lists the rule of every coordinate to anonymous callers', async () => {
    const types = Object.values(schema.getTypeMap()).filter((type) => type.extensions.directives);
    expect((await run()).map(({ coordinate }) => coordinate).sort()).toEqual([...coordinates(), ...types.map(({ name }) => name)].sort());
  });

  it('returns each rule as a tree that prints as its text', async () => {
    for (const { rule, tree } of await run()) expect(print(tree)).toBe(rule);
  });

  it('lists the rules of one type', async () => {
    const rules = await run('User');
    expect(rules.map(({ coordinate }) => coordinate)).toContain('User.email');
    expect(rules.every(({ coordinate }) => coordinate === 'User' || coordinate.startsWith('User.'))).toBe(true);
  });
});

/** The element at a coordinate of the schema. */
function at(coordinate: string): { extensions: { directives?: unknown }; description?: string | null } {
  const [, type = '', name = '', argument] = /^(\w+)\.(\w+)(?:\((\w+):\))?$/.exec(coordinate) ?? [];
  const found = (schema.getType(type) as unknown as { getFields(): Record<string, { args: { name: string }[] }> }).getFields()[name];
  return (argument ? found?.args.find((arg) => arg.name === argument) : found) as never;
}
