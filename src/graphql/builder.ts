import SchemaBuilder, { type InputFieldMap, type InputShapeFromFields } from '@pothos/core';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import ValidationPlugin from '@pothos/plugin-validation';
import { DirectiveLocation, GraphQLBoolean, GraphQLDirective, GraphQLNonNull, GraphQLString } from 'graphql';
import { accessPlugins, scopeAuthOptions } from '../authorization/enforce/access-plugin.ts';
import type { Rule } from '../authorization/rules/rule.ts';
import type PrismaTypes from '../database/generated/pothos.ts';
import { getDatamodel } from '../database/generated/pothos.ts';
import { validationError } from '../errors.ts';
import { anyone, type Condition } from '../policy/conditions.ts';
import type { Model } from '../policy/models.ts';
import { policy } from '../policy/policy.ts';
import type { Context } from './context.ts';
import './default-descriptions.ts';
import { nodeField, nodesField } from './node.ts';
import { DateTime, Json } from './scalars.ts';

/** Pothos with its plugins. Defines no type of the product. */
export const builder = new SchemaBuilder<{
  Context: Context;
  PrismaTypes: PrismaTypes;
  AuthScopes: Record<never, never>;
  AccessModel: Model;
  AccessRule: Rule<Condition>;
  Scalars: { DateTime: { Input: Date; Output: Date }; JSON: { Input: unknown; Output: unknown }; ID: { Input: string; Output: string } };
}>({
  plugins: [...accessPlugins, 'defaultDescriptions' as never, RelayPlugin, PrismaPlugin, ValidationPlugin],
  access: { policy },
  scopeAuth: scopeAuthOptions as never,
  prisma: {
    client: (context) => context.db.prisma,
    dmmf: getDatamodel(),
    exposeDescriptions: true,
    filterConnectionTotalCount: true,
    maxConnectionSize: 100, // security.md F24, as is the next
    defaultConnectionSize: 20,
    onUnusedQuery: null,
  },
  relay: {
    clientMutationId: 'omit',
    cursorType: 'String',
    edgesFieldOptions: { nullable: false, description: 'The objects of this page, each with its cursor.' },
    nodeFieldOptions: { nullable: false, description: 'The object.' },
    pageInfoFieldOptions: { description: 'Where this page stands.' },
    cursorFieldOptions: { description: 'Where this object stands, for `after` and `before`.' },
    hasNextPageFieldOptions: { description: 'Whether more objects follow.' },
    hasPreviousPageFieldOptions: { description: 'Whether objects come before.' },
    startCursorFieldOptions: { description: 'The cursor of the first object.' },
    endCursorFieldOptions: { description: 'The cursor of the last object.' },
    idFieldOptions: { description: 'The opaque global id.' },
    firstArgOptions: { description: 'How many objects from the start; 20 unless said, at most 100.' },
    lastArgOptions: { description: 'How many objects from the end; at most 100.' },
    afterArgOptions: { description: 'Start after this cursor.' },
    beforeArgOptions: { description: 'End before this cursor.' },
    nodeTypeOptions: { access: anyone('each object brings its own rule'), description: 'An object with a global id.' },
    pageInfoTypeOptions: { access: anyone('it tells of a page that the caller was given'), description: 'Where a page of a list stands.' },
    relayMutationFieldOptions: { nullable: false },
    mutationInputArgOptions: { description: 'Input of the mutation.' },
    defaultPayloadTypeOptions: { access: anyone('it is the response to a mutation that the caller was allowed to run') },
    nodeQueryOptions: nodeField,
    nodesQueryOptions: nodesField,
    defaultConnectionTypeOptions: { access: anyone('whoever was given the list may read it'), description: 'A page of a list.' },
    defaultEdgeTypeOptions: {
      access: anyone('whoever was given the list may read it'),
      description: 'An object of a list, and where it stands.',
    },
  } as never,
  validation: {
    validationError: ({ issues }) => {
      const fields: Record<string, string[]> = {};
      for (const issue of issues) {
        const path =
          (issue.path ?? [])
            .map(String)
            .filter((part) => part !== 'input')
            .join('.') || 'input';
        fields[path] = [...(fields[path] ?? []), issue.message];
      }
      return validationError(fields);
    },
  },
});

builder.addScalarType('DateTime', DateTime, { description: 'An instant in UTC, as RFC 3339 writes it.' });
builder.addScalarType('JSON', Json, { description: 'Any JSON value.' });

builder.queryType({ description: 'What can be read.' });
builder.mutationType({ description: 'What can be changed.' });
builder.subscriptionType({ description: 'What can be followed.' });

/** The directive under which `schema.graphql` prints each rule. */
export const accessDirective = new GraphQLDirective({
  name: 'access',
  description: 'Who may: the rule that the server enforces here.',
  locations: [
    DirectiveLocation.OBJECT,
    DirectiveLocation.INTERFACE,
    DirectiveLocation.FIELD_DEFINITION,
    DirectiveLocation.ARGUMENT_DEFINITION,
    DirectiveLocation.INPUT_FIELD_DEFINITION,
  ],
  args: {
    rule: { type: new GraphQLNonNull(GraphQLString), description: 'The rule, in the words of `accessRules`.' },
    sensitive: {
      type: new GraphQLNonNull(GraphQLBoolean),
      defaultValue: false,
      description: 'Whether whoever reads it of somebody else leaves a receipt there, in `User.fieldReads`.',
    },
  },
});

/** Builds the fields of an input object. */
export type InputFields = PothosSchemaTypes.InputFieldBuilder<(typeof builder)['$inferSchemaTypes'], 'InputObject'>;

/** The value of an input object with these fields, as the resolver gets it. */
export type InputOf<Fields extends (t: InputFields) => InputFieldMap> = InputShapeFromFields<ReturnType<Fields>>;
