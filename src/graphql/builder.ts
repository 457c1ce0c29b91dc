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
import './workload-option.ts';

/** Pothos with its plugins. The types of the product are defined in `schema/`. */
export const builder = new SchemaBuilder<{
  Context: Context;
  PrismaTypes: PrismaTypes;
  AuthScopes: Record<never, never>;
  AccessModel: Model;
  AccessRule: Rule<Condition>;
  Scalars: { DateTime: { Input: Date; Output: Date }; JSON: { Input: unknown; Output: unknown }; ID: { Input: string; Output: string } };
}>({
  plugins: [...accessPlugins, 'defaultDescriptions' as never, 'workload' as never, RelayPlugin, PrismaPlugin, ValidationPlugin],
  access: { policy },
  scopeAuth: scopeAuthOptions as never,
  prisma: {
    client: (context) => context.db.prisma,
    dmmf: getDatamodel(),
    exposeDescriptions: true,
    filterConnectionTotalCount: true,
    maxConnectionSize: 100, // maximum and default page size: security.md F24
    defaultConnectionSize: 20,
    onUnusedQuery: null,
  },
  relay: {
    clientMutationId: 'omit',
    cursorType: 'String',
    edgesFieldOptions: { nullable: false, description: 'The objects of this page, each with its cursor.' },
    nodeFieldOptions: { nullable: false, description: 'The object.' },
    pageInfoFieldOptions: { description: 'Information about the page, for requesting the next or previous one.' },
    cursorFieldOptions: {
      description: 'The place of the object in the list, for `after` and `before`. Stays valid when the object is changed or deleted.',
    },
    hasNextPageFieldOptions: { description: 'True if there are objects after this page.' },
    hasPreviousPageFieldOptions: { description: 'True if there are objects before this page.' },
    startCursorFieldOptions: { description: 'The cursor of the first object of the page.' },
    endCursorFieldOptions: { description: 'The cursor of the last object of the page.' },
    idFieldOptions: { description: 'The opaque global ID.' },
    firstArgOptions: { description: 'The number of objects from the start of the list. Defaults to 20; maximum 100.' },
    lastArgOptions: { description: 'The number of objects from the end of the list. Not together with `first`; maximum 100.' },
    afterArgOptions: { description: 'Returns objects after this cursor, which must be from the same list with the same filter and order.' },
    beforeArgOptions: {
      description: 'Returns objects before this cursor, which must be from the same list with the same filter and order.',
    },
    nodeTypeOptions: { access: anyone('the rule of each object applies'), description: 'An object with a global ID.' },
    pageInfoTypeOptions: {
      access: anyone('it is part of a list that the caller may read'),
      description: 'The position of a page within its list.',
    },
    relayMutationFieldOptions: { nullable: false },
    mutationInputArgOptions: { description: 'Input of the mutation.' },
    defaultPayloadTypeOptions: { access: anyone('it is the response to a mutation that the caller was allowed to run') },
    nodeQueryOptions: nodeField,
    nodesQueryOptions: nodesField,
    defaultConnectionTypeOptions: { access: anyone('it is part of a list that the caller may read'), description: 'A page of a list.' },
    defaultEdgeTypeOptions: {
      access: anyone('it is part of a list that the caller may read'),
      description: 'An object in a list with its cursor.',
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

builder.addScalarType('DateTime', DateTime, { description: 'A date and time in RFC 3339 format, returned in UTC.' });
builder.addScalarType('JSON', Json, { description: 'Any JSON value.' });

builder.queryType({ description: 'The root of all queries.' });
builder.mutationType({ description: 'The root of all mutations.' });
builder.subscriptionType({ description: 'The root of all subscriptions.' });

/** The directive that shows each access rule in `schema.graphql`. */
export const accessDirective = new GraphQLDirective({
  name: 'access',
  description: 'The access rule enforced on this element.',
  locations: [
    DirectiveLocation.OBJECT,
    DirectiveLocation.INTERFACE,
    DirectiveLocation.FIELD_DEFINITION,
    DirectiveLocation.ARGUMENT_DEFINITION,
    DirectiveLocation.INPUT_FIELD_DEFINITION,
  ],
  args: {
    rule: { type: new GraphQLNonNull(GraphQLString), description: 'The rule, in the notation of `accessRules`.' },
    sensitive: {
      type: new GraphQLNonNull(GraphQLBoolean),
      defaultValue: false,
      description: 'True if reads by other users are recorded in `User.fieldReads`.',
    },
  },
});

/** Builds the fields of an input object. */
export type InputFields = PothosSchemaTypes.InputFieldBuilder<(typeof builder)['$inferSchemaTypes'], 'InputObject'>;

/** The value of an input object with these fields, as the resolver gets it. */
export type InputOf<Fields extends (t: InputFields) => InputFieldMap> = InputShapeFromFields<ReturnType<Fields>>;
