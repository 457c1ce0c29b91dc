import SchemaBuilder from '@pothos/core';
import { graphql, parse, printSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { accessPlugins, scopeAuthOptions } from '../../src/authorization/enforce/access-plugin.ts';
import { findMatchingRows, toPrismaWhere } from '../../src/authorization/evaluate/conditions.ts';
import { collectCoordinates } from '../../src/authorization/evaluate/coordinates.ts';
import { accessDenied, loadVisible, whereVisible } from '../../src/authorization/evaluate/decisions.ts';
import { diffAccess } from '../../src/authorization/explain/access-diff.ts';
import { evaluateAgainstRow, explainRule } from '../../src/authorization/explain/reasons.ts';
import { findRemedies, formatRemedy } from '../../src/authorization/explain/remedies.ts';
import type { Row } from '../../src/authorization/rules/policy.ts';
import { accessOf, ruleOf } from '../../src/authorization/rules/registry.ts';
import { any } from '../../src/authorization/rules/rule.ts';
import {
  ann,
  ben,
  canWrite,
  contextOf,
  delegateOf,
  editor,
  eve,
  everyone,
  type Model,
  owns,
  type Person,
  policy,
  published,
  type ToyContext,
  type ToyRule,
  type ToyTypes,
} from './toy-policy.ts';

// The engine with a product of its own: nothing of Fieldgate's policy, schema or database is imported here.

const builder = new SchemaBuilder<{
  Context: ToyContext;
  Objects: { Folder: Row; Document: Row };
  AccessModel: Model;
  AccessRule: ToyRule;
}>({ plugins: accessPlugins, access: { policy }, scopeAuth: scopeAuthOptions } as never);

const rowsOf = (model: Model) => ({ extensions: { pothosPrismaModel: model } });

builder.objectType('Folder', {
  ...rowsOf('Folder'),
  access: everyone('folders are public'),
  fields: (t) => ({
    name: t.string({ resolve: (row) => String(row.name) }),
    code: t.string({ nullable: true, sensitive: true, access: any(owns, editor), resolve: (row) => String(row.code) }),
  }),
});

builder.objectType('Document', {
  ...rowsOf('Document'),
  access: any(published, canWrite, editor),
  fields: (t) => ({
    title: t.string({ resolve: (row) => String(row.title) }),
    notes: t.string({ nullable: true, access: any(canWrite, editor), resolve: (row) => String(row.notes) }),
    folder: t.field({ type: 'Folder', nullable: true, resolve: (row, _, context) => loadVisible(context, 'Folder', String(row.folderId)) }),
  }),
});

builder.queryType({
  fields: (t) => ({
    documents: t.field({
      type: ['Document'],
      access: everyone('the list contains only visible documents'),
      resolve: (_, __, context) => delegateOf(context, 'Document').findMany({ where: whereVisible(context, 'Document') }),
    }),
    document: t.field({
      type: 'Document',
      nullable: true,
      access: everyone('a hidden document is answered like a missing one'),
      args: { id: t.arg.string({ required: true }) },
      resolve: (_, { id }, context) => loadVisible(context, 'Document', id),
    }),
    unfiltered: t.field({
      type: 'Document',
      nullable: true,
      access: everyone('the rule of the document applies'),
      args: { id: t.arg.string({ required: true }) },
      resolve: async (_, { id }, context) => (await delegateOf(context, 'Document').findMany({ where: { id } }))[0],
    }),
    statistics: t.int({ nullable: true, access: editor, resolve: () => 4 }),
  }),
});

builder.mutationType({
  fields: (t) => ({
    publish: t.boolean({
      nullable: true,
      access: canWrite,
      target: 'Document',
      args: { id: t.arg.string({ required: true }) },
      resolve: async (_, { id }, context) => {
        const rule = ruleOf(context, 'Mutation.publish');
        const matching = await findMatchingRows(policy, context, rule, context.viewer, { model: 'Document', ids: [id] });
        if (!matching.has(id)) throw accessDenied(context, 'Mutation.publish');
        return true;
      },
    }),
  }),
});

const schema = builder.toSchema();
const access = accessOf<ToyTypes>(schema);

async function query(viewer: Person | null, source: string) {
  const context = contextOf(access, viewer);
  // biome-ignore lint/suspicious/noExplicitAny: an untyped document returns anything
  const { data, errors } = (await graphql({ schema, source, contextValue: context })) as { data: any; errors?: { message: string }[] };
  return { data, errors: errors?.map(({ message }) => message) ?? [], context };
}

const titles = async (viewer: Person | null) =>
  (await query(viewer, '{ documents { title } }')).data.documents.map(({ title }: { title: string }) => title);

describe('a schema with another policy', () => {
  it('hides a row that a resolver returned although the viewer cannot see it, also if only the database can tell', async () => {
    const read = async (viewer: Person | null) => query(viewer, '{ unfiltered(id: "stew") { title } }');
    expect(await read(ann)).toMatchObject({ data: { unfiltered: null }, errors: ['not found'] });
    expect(await read(ben)).toMatchObject({ data: { unfiltered: { title: 'Stew' } }, errors: [] });
  });

  it('lists the documents that the viewer can see: published, in their own folders, or all for an editor', async () => {
    expect(await titles(null)).toEqual(['Sonnet', 'Soup']);
    expect(await titles(ann)).toEqual(['Draft', 'Sonnet', 'Soup']);
    expect(await titles(ben)).toEqual(['Sonnet', 'Soup', 'Stew']);
    expect(await titles(eve)).toEqual(['Draft', 'Sonnet', 'Soup', 'Stew']);
  });

  it('answers a hidden document like a missing one', async () => {
    const document = (viewer: Person, id: string) => query(viewer, `{ document(id: "${id}") { title } }`);
    expect((await document(ann, 'draft')).data.document).toEqual({ title: 'Draft' });
    for (const id of ['draft', 'nothing']) expect(await document(ben, id)).toMatchObject({ data: { document: null }, errors: [] });
  });

  it('denies a field for some rows and returns the rest', async () => {
    const { data, errors } = await query(ann, '{ documents { title notes } }');
    expect(data.documents).toEqual([
      { title: 'Draft', notes: 'unfinished' },
      { title: 'Sonnet', notes: 'done' },
      { title: 'Soup', notes: null },
    ]);
    expect(errors).toEqual(['Document.notes requires (published | canWrite | editor) & (canWrite | editor)']);
    expect(await query(ann, '{ statistics }')).toMatchObject({ data: { statistics: null }, errors: ['Query.statistics requires editor'] });
  });

  it('decides a rule for all rows of a list in one query, and for none if the viewer alone decides', async () => {
    const queries = async (viewer: Person, fields: string) => (await query(viewer, `{ documents { ${fields} } }`)).context.queries;
    expect(await queries(eve, 'title notes')).toEqual(['Document']);
    expect(await queries(ann, 'title')).toEqual(['Document', 'Document']);
    expect(await queries(ann, 'title notes')).toEqual(['Document', 'Document', 'Document']);
    expect(await queries(ann, 'folder { name }')).toEqual(['Document', 'Document', 'Folder']);
  });

  it('applies the rule of a mutation to its target: who can write the folder can write its documents', async () => {
    const publish = (viewer: Person | null) => query(viewer, 'mutation { publish(id: "draft") }');
    expect((await publish(ann)).data.publish).toBe(true);
    for (const viewer of [ben, eve, null]) expect((await publish(viewer)).errors).toEqual(['Mutation.publish requires canWrite']);
  });

  it('reports reads of a sensitive field of another owner, and only those that returned a value', async () => {
    const read = async (viewer: Person) => (await query(viewer, '{ document(id: "sonnet") { folder { code } } }')).context.reads;
    expect(await read(eve)).toEqual([{ coordinate: 'Folder.code', ownerId: 'ann' }]);
    expect(await read(ann)).toEqual([]);
    expect(await read(ben)).toEqual([]);
  });

  it('prints its rules in the descriptions and keeps them in the schema', () => {
    expect([...access.rules.keys()].sort()).toEqual([
      'Document',
      'Document.folder',
      'Document.notes',
      'Document.title',
      'Folder',
      'Folder.code',
      'Folder.name',
      'Mutation.publish',
      'Query.document',
      'Query.documents',
      'Query.statistics',
      'Query.unfiltered',
    ]);
    expect([...access.sensitive]).toEqual(['Folder.code']);
    expect(access.mutationTargets.get('Mutation.publish')).toEqual({ model: 'Document', updates: 'Document' });
    expect(printSchema(schema)).toContain('type Document');
  });

  it('does not build without a rule, or with a condition that the policy does not define', () => {
    const build = (rule?: object) => {
      const other = new SchemaBuilder<{ Context: ToyContext }>({
        plugins: accessPlugins,
        access: { policy },
        scopeAuth: scopeAuthOptions,
      } as never);
      other.queryType({ fields: (t) => ({ hello: t.string({ ...(rule && { access: rule as never }), resolve: () => 'hello' }) }) });
      return other.toSchema();
    };
    expect(() => build()).toThrow('Query.hello has no access rule');
    expect(() => build({ is: 'superadmin' })).toThrow('"superadmin" is not a condition of the policy');
    expect(() => build(owns)).toThrow('"owns" needs a row');
  });
});

describe('an explanation', () => {
  const draft = { id: 'draft', folderId: 'poems', isPublished: false };
  const rule = ruleOf({ access }, 'Document.notes');
  const evaluatorFor = (viewer: Person) => evaluateAgainstRow(contextOf(access, viewer), { model: 'Document', row: draft });

  it('contains the decision of every part', async () => {
    const tree = await explainRule(policy, rule, ann, evaluatorFor(ann));
    expect(tree).toEqual({
      met: true,
      all: [
        {
          met: true,
          any: [
            { is: 'published', says: 'the viewer looks at something published', met: false },
            { is: 'canWrite', says: 'the viewer can write the folder', met: true },
            { is: 'editor', says: 'the viewer is an editor', met: false },
          ],
        },
        {
          met: true,
          any: [
            { is: 'canWrite', says: 'the viewer can write the folder', met: true },
            { is: 'editor', says: 'the viewer is an editor', met: false },
          ],
        },
      ],
    });
  });

  it('names what would be enough', async () => {
    const steps = [{ label: 'become an editor', weight: 1, apply: (viewer: Person) => ({ ...viewer, isEditor: true }) }];
    const remedies = async (viewer: Person) => (await findRemedies(rule, viewer, steps, evaluatorFor(viewer) as never)).map(formatRemedy);
    expect(await remedies(ben)).toEqual(['become an editor']);
    expect(await remedies(ann)).toEqual(['']);
  });

  it('counts what a change of the viewer gains and loses', async () => {
    const changes = await diffAccess(access, contextOf(access, eve), eve, { before: ben, after: { ...ben, isEditor: true } });
    expect(changes).toEqual([
      { coordinate: 'Document', gained: 1, lost: 0 },
      { coordinate: 'Document.folder', gained: 1, lost: 0 },
      { coordinate: 'Document.notes', gained: 2, lost: 0 },
      { coordinate: 'Document.title', gained: 1, lost: 0 },
      { coordinate: 'Folder.code', gained: 1, lost: 0 },
    ]);
  });

  it('lists the guarded coordinates of an operation', () => {
    const document = parse('{ documents { ...parts } } fragment parts on Document { title notes @include(if: false) folder { name } }');
    const [operation] = document.definitions;
    const found = collectCoordinates<ToyTypes>({ schema, document, variables: {}, viewer: null }, operation as never);
    expect(found.map(({ coordinate }) => coordinate)).toEqual(['Query.documents', 'Document.title', 'Document.folder', 'Folder.name']);
  });
});

it('compiles a filter that matches no row for a denial that holds for every row', () => {
  expect(toPrismaWhere(false)).toEqual({ id: { in: [] } });
});
