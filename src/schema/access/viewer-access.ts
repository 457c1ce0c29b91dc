import { type GraphQLObjectType, type GraphQLSchema, getNamedType, isInputObjectType } from 'graphql';
import type { ExtraRules } from '../../authorization/enforce/prefetch-decisions.ts';
import { decide } from '../../authorization/evaluate/decisions.ts';
import type { Row } from '../../authorization/rules/policy.ts';
import { accessOf, ruleOf } from '../../authorization/rules/registry.ts';
import type { Decision, Rule } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { allMaybe, mapMaybe } from '../../lib/map-maybe.ts';
import { anyone } from '../../policy/conditions.ts';
import type { Model } from '../../policy/models.ts';
import { type Operation, OperationAccess } from './operation-access.ts';

interface Access {
  readonly readable: readonly string[];
  readonly writable: readonly string[];
  readonly operations: readonly Operation[];
}

const ViewerAccess = builder.objectRef<Access>('ViewerAccess').implement({
  description:
    'Operations that the viewer can run on an object, within the scopes of their token. Frontends use it to show only the controls that work.',
  access: anyone('it is part of an object that the caller can see'),
  fields: (t) => ({
    readable: t.exposeStringList('readable', {
      nullable: { list: false, items: false },
      description: 'Names of the fields that the viewer may read.',
    }),
    writable: t.exposeStringList('writable', {
      nullable: { list: false, items: false },
      description: 'Names of the fields that the viewer may change with one of the mutations.',
    }),
    operations: t.field({
      type: [OperationAccess],
      nullable: { list: false, items: false },
      description: 'The mutations on such an object.',
      resolve: ({ operations }) => [...operations],
    }),
  }),
});

builder.interfaceField(builder.nodeInterfaceRef(), 'viewerAccess', (t) =>
  t.field({
    type: ViewerAccess,
    nullable: false,
    description: 'The access of the viewer to this object: readable and writable fields, and mutations.',
    extensions: { extraRules: (schema, type) => planOf(schema, type).rules } satisfies ExtraRules,
    resolve: (row, _, context, { parentType, schema }) => accessTo(context, planOf(schema, parentType), row as Row),
  }),
);

/** The rules to decide for the objects of a type, each once, and the elements that depend on them. */
interface Plan {
  readonly model: Model;
  readonly rules: readonly Rule[];
  readonly fields: readonly GuardedName[];
  readonly operations: readonly GuardedName[];
  /** Fields that a mutation sets. The rule of the mutation and the rule of the input field must both be met. */
  readonly writes: readonly (GuardedName & { readonly inputRule: number })[];
}

interface GuardedName {
  readonly name: string;
  /** Index in `rules`. */
  readonly rule: number;
}

function accessTo(context: Context, plan: Plan, row: Row): Access | Promise<Access> {
  const decisions = plan.rules.map((rule) => decide(context, rule, plan.model, row));
  return mapMaybe(allMaybe<Decision>(decisions), (all) => toAccess(plan, all));
}

function toAccess({ rules, fields, writes, operations }: Plan, decisions: readonly Decision[]): Access {
  const isAllowed = ({ rule }: GuardedName) => decisions[rule] === true;
  const writable = writes.filter((write) => isAllowed(write) && decisions[write.inputRule] === true);
  return {
    readable: fields.filter(isAllowed).map(({ name }) => name),
    writable: [...new Set(writable.map(({ name }) => name))].sort(),
    operations: operations.map((one) => ({ name: one.name, allowed: isAllowed(one), rule: rules[one.rule] as Rule })),
  };
}

const plans = new WeakMap<GraphQLObjectType, Plan>();

function planOf(schema: GraphQLSchema, type: GraphQLObjectType): Plan {
  const plan = plans.get(type) ?? createPlan(schema, type);
  plans.set(type, plan);
  return plan;
}

function createPlan(schema: GraphQLSchema, type: GraphQLObjectType): Plan {
  const access = accessOf(schema);
  const model = access.models.get(type.name) as Model;
  const rules = new Map<Rule, number>(); // equal rules are the same object
  const indexOf = (rule: Rule) => {
    const index = rules.get(rule) ?? rules.size;
    rules.set(rule, index);
    return index;
  };
  const indexAt = (coordinate: string) => indexOf(ruleOf({ access }, coordinate));
  const fields = Object.keys(type.getFields())
    .filter((name) => name !== 'viewerAccess')
    .map((name) => ({ name, rule: indexAt(`${type.name}.${name}`) }));
  const mutations = [...access.mutationTargets].filter(([, target]) => target.model === model || target.updates === model);
  const operations = mutations.map(([coordinate]) => ({ name: fieldNameOf(coordinate), rule: indexAt(coordinate) }));
  const writes = mutations
    .filter(([, { updates }]) => updates === model)
    .flatMap(([coordinate]) =>
      inputFieldsOf(schema, fieldNameOf(coordinate))
        .filter(({ name }) => name !== 'id' && name in type.getFields())
        .map(({ name, rule }) => ({ name, rule: indexAt(coordinate), inputRule: rule ? indexOf(rule) : indexAt(coordinate) })),
    );
  const sortedOperations = operations.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { model, rules: [...rules.keys()], fields, operations: sortedOperations, writes };
}

const fieldNameOf = (coordinate: string) => coordinate.slice(coordinate.indexOf('.') + 1);

/** The fields of a mutation's input, with their rules. */
function inputFieldsOf(schema: GraphQLSchema, mutation: string) {
  const field = schema.getMutationType()?.getFields()[mutation];
  const input = field?.args.find(({ name }) => name === 'input');
  const type = input && getNamedType(input.type);
  if (!isInputObjectType(type)) return [];
  return Object.keys(type.getFields()).map((name) => ({ name, rule: accessOf(schema).rules.get(`${type.name}.${name}`) }));
}
