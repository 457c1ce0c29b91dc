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
  description: 'What the viewer may do with an object, within the scopes of their token: a frontend shows a button only where it works.',
  access: anyone('whoever was given the object may read it'),
  fields: (t) => ({
    readable: t.exposeStringList('readable', {
      nullable: { list: false, items: false },
      description: 'The fields that the viewer may read.',
    }),
    writable: t.exposeStringList('writable', {
      nullable: { list: false, items: false },
      description: 'The fields that the viewer may set, by one of the operations.',
    }),
    operations: t.field({
      type: [OperationAccess],
      nullable: { list: false, items: false },
      description: 'The mutations that are about such an object.',
      resolve: ({ operations }) => operations as Operation[],
    }),
  }),
});

builder.interfaceField(builder.nodeInterfaceRef(), 'viewerAccess', (t) =>
  t.field({
    type: ViewerAccess,
    nullable: false,
    description: 'What the viewer may do with this object.',
    extensions: { extraRules: (schema, type) => planOf(schema, type).rules } satisfies ExtraRules,
    resolve: (row, _, context, { parentType, schema }) => accessTo(context, planOf(schema, parentType), row as Row),
  }),
);

/** What there is to ask about the objects of a type: each rule once, and where its verdict goes. */
interface Plan {
  readonly model: Model;
  readonly rules: readonly Rule[];
  readonly fields: readonly Asked[];
  readonly operations: readonly Asked[];
  /** Set by a mutation whose rule has to be met, and by an input field that may have one as well. */
  readonly writes: readonly (Asked & { readonly also: number })[];
}

interface Asked {
  readonly name: string;
  /** The place of its rule in the list. */
  readonly at: number;
}

/** Rules that need the database are asked for all rows of a tick in one statement each. */
function accessTo(context: Context, plan: Plan, row: Row): Access | Promise<Access> {
  const decisions = plan.rules.map((rule) => decide(context, rule, plan.model, row));
  return mapMaybe(allMaybe<Decision>(decisions), (all) => answer(plan, all));
}

function answer(plan: Plan, verdicts: readonly unknown[]): Access {
  const isMet = ({ at }: Asked) => verdicts[at] === true;
  return {
    readable: plan.fields.filter(isMet).map(({ name }) => name),
    writable: [...new Set(plan.writes.filter((one) => isMet(one) && verdicts[one.also] === true).map(({ name }) => name))].sort(),
    operations: plan.operations.map((one) => ({ name: one.name, allowed: isMet(one), rule: plan.rules[one.at] as Rule })),
  };
}

const plans = new WeakMap<GraphQLObjectType, Plan>();

function planOf(schema: GraphQLSchema, type: GraphQLObjectType): Plan {
  const plan = plans.get(type) ?? draw(schema, type);
  plans.set(type, plan);
  return plan;
}

function draw(schema: GraphQLSchema, type: GraphQLObjectType): Plan {
  const access = accessOf(schema);
  const ruleAt = (coordinate: string) => ruleOf({ access }, coordinate);
  const model = access.models.get(type.name) as Model;
  const asked = new Map<Rule, number>(); // equal rules are one object
  const place = (rule: Rule) => {
    const at = asked.get(rule) ?? asked.size;
    asked.set(rule, at);
    return at;
  };
  const fields = Object.keys(type.getFields())
    .filter((name) => name !== 'viewerAccess')
    .map((name) => ({ name, at: place(ruleAt(`${type.name}.${name}`)) }));
  const mutations = [...access.mutationTargets].filter(([, about]) => about.model === model || about.updates === model);
  const operations = mutations.map(([coordinate]) => ({ name: nameOf(coordinate), at: place(ruleAt(coordinate)) }));
  const writes = mutations
    .filter(([, about]) => about.updates === model)
    .flatMap(([coordinate]) =>
      inputsOf(schema, nameOf(coordinate))
        .filter(({ name }) => name !== 'id' && name in type.getFields())
        .map(({ name, rule }) => ({ name, at: place(ruleAt(coordinate)), also: place(rule ?? ruleAt(coordinate)) })),
    );
  const sorted = operations.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { model, rules: [...asked.keys()], fields, operations: sorted, writes };
}

const nameOf = (coordinate: string) => coordinate.slice(coordinate.indexOf('.') + 1);

/** The fields of a mutation's input, with the rules that they have of their own. */
function inputsOf(schema: GraphQLSchema, mutation: string) {
  const input = schema
    .getMutationType()
    ?.getFields()
    [mutation]?.args.find(({ name }) => name === 'input');
  const type = input && getNamedType(input.type);
  const names = isInputObjectType(type) ? Object.keys(type.getFields()) : [];
  return names.map((name) => ({ name, rule: accessOf(schema).rules.get(`${type?.name}.${name}`) }));
}
