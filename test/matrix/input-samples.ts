import { type GraphQLInputField, getNamedType, isEnumType, isInputObjectType, isListType, isNonNullType } from 'graphql';
import { schema } from '../../src/schema/schema.ts';
import { exampleProfile } from '../user/example-profile.ts';
import { newEmail, unique } from './use.ts';

/** The fields of the input of a mutation. */
export function inputFieldsOf(mutation: string): GraphQLInputField[] {
  const input = schema.getMutationType()?.getFields()[mutation]?.args[0];
  const type = input && getNamedType(input.type);
  return isInputObjectType(type) ? Object.values(type.getFields()) : [];
}

/** True for the field with the id of the target. */
export const isTargetId = ({ name, type }: GraphQLInputField): boolean =>
  getNamedType(type).name === 'ID' && (isNonNullType(type) || name === 'userId');

/** A value for every required field of the input of a mutation but the id of its target; for one optional field if none is required. */
export function sampleInput(mutation: string): object {
  const fields = inputFieldsOf(mutation);
  const required = fields.filter((field) => isNonNullType(field.type) && !isTargetId(field));
  const filled = required.length > 0 || fields.some(isTargetId) ? required : fields.slice(0, 1);
  return Object.fromEntries(filled.map((field) => [field.name, sampleOf(field)]));
}

/** A valid value, by the name of the field or by its type. */
function sampleOf({ name, type }: Pick<GraphQLInputField, 'name' | 'type'>): unknown {
  const named = getNamedType(type);
  const nullable = isNonNullType(type) ? type.ofType : type;
  if (isListType(nullable)) return [];
  if (name in exampleProfile) return exampleProfile[name as keyof typeof exampleProfile];
  if (/email$/i.test(name)) return newEmail();
  if (name === 'username') return `a${unique()}`;
  if (isEnumType(named)) return named.getValues()[0]?.name;
  const sample = samples[named.name];
  if (sample === undefined) throw new Error(`There is no sample of ${named.name} for ${name}`);
  return sample();
}

const samples: Readonly<Record<string, () => unknown>> = {
  String: unique,
  Boolean: () => true,
  Int: () => 1,
  DateTime: () => new Date(Date.now() + 3_600_000),
};
