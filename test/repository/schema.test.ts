import { readFileSync } from 'node:fs';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import {
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isSpecifiedDirective,
  isSpecifiedScalarType,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { schema } from '../../src/schema/schema.ts';

interface Place {
  readonly coordinate: string;
  readonly description?: string | null | undefined;
}

const types = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith('__') && !isSpecifiedScalarType(type));
const directives = schema.getDirectives().filter((one) => !isSpecifiedDirective(one));
const argumentsOf = (
  coordinate: string,
  { args }: { args: readonly { name: string; description?: string | null | undefined }[] },
): Place[] => args.map(({ name, description }) => ({ coordinate: `${coordinate}(${name}:)`, description }));
const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});

/** Every place of the schema that has a name of ours. */
const places = [
  ...types.flatMap((type) => [{ coordinate: type.name, description: type.description }, ...membersOf(type)]),
  ...directives.flatMap((one) => [{ coordinate: `@${one.name}`, description: one.description }, ...argumentsOf(`@${one.name}`, one)]),
];

function membersOf(type: GraphQLNamedType): Place[] {
  const place = ({ name, description }: { name: string; description?: string | null | undefined }) => ({
    coordinate: `${type.name}.${name}`,
    description,
  });
  if (isEnumType(type)) return type.getValues().map(place);
  if (isInputObjectType(type)) return Object.values(type.getFields()).map(place);
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  return Object.values(type.getFields()).flatMap((field) => [place(field), ...argumentsOf(`${type.name}.${field.name}`, field)]);
}

describe('the schema', () => {
  it('is what schema.graphql says (npm run schema)', () => {
    const file = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
    expect(`${printSchemaWithDirectives(schema)}\n`).toBe(file);
  });

  it('describes every place in it, in a sentence', () => {
    expect(places.filter(({ description }) => !description?.trim()).map(({ coordinate }) => coordinate)).toEqual([]);
    const sentences = places.map(({ description = '' }) => description?.split('\n\nAccess: ')[0] ?? '');
    expect(sentences.filter((sentence) => !/[.:`]$/.test(sentence))).toEqual([]);
  });

  it('has no field that is hidden from everyone', () => {
    const hidden = /hash|emailKey|txid|nonce|parentHash|idleExpiresAt|secretText/i;
    expect(places.filter(({ coordinate }) => hidden.test(coordinate)).map(({ coordinate }) => coordinate)).toEqual([]);
    expect(printSchemaWithDirectives(schema)).not.toMatch(/hash|emailKey|txid|nonce/i);
  });

  it('has passwords in inputs only, and secrets only where one was just made', () => {
    const of = (word: RegExp) => places.filter(({ coordinate }) => word.test(coordinate)).map(({ coordinate }) => coordinate);
    expect(of(/password$/i).filter((coordinate) => !/^(\w+Input|Mutation)\.\w*password$/i.test(coordinate))).toEqual([]);
    expect(of(/secret/i)).toEqual(['CreateApiTokenPayload.secret']);
  });

  it.each(mutations.map((field) => [field.name, field] as const))(
    'has one input for %s, and one answer of its own',
    (name, { args, type }) => {
      const verb = name.charAt(0).toUpperCase() + name.slice(1);
      const named: Record<string, string> = { login: 'LoginResult!', refresh: 'Session!', reauthenticate: 'Session!' };
      const inputs = args.map((arg) => `${arg.name}: ${arg.type}`);
      expect(name === 'logout' ? [] : [`input: ${verb}Input!`]).toEqual(
        name === 'logoutEverywhere' ? inputs.map((one) => one.replace(/!?$/, '!')) : inputs,
      );
      expect(String(type)).toBe(named[name] ?? `${verb}Payload!`);
    },
  );

  it.each([
    ['users', 'UserConnection'],
    ['roles', 'RoleConnection'],
    ['domains', 'DomainConnection'],
  ])('lists %s as a %s', (name, type) => {
    const field = schema.getQueryType()?.getFields()[name];
    expect(String(field?.type)).toBe(type);
    expect(field?.args.map((arg) => arg.name)).toEqual(expect.arrayContaining(['first', 'after', 'last', 'before']));
  });

  it('lets no input move owned rows to another user', () => {
    const owners = places.filter(({ coordinate }) => /^(Update|Delete)\w*Input\.(user|owner)(Id)?$/.test(coordinate));
    expect(owners).toEqual([]);
  });
});
