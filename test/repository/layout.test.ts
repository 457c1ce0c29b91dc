import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { isInputObjectType, isObjectType, isUnionType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { schema } from '../../src/schema/schema.ts';

const root = join(import.meta.dirname, '../..');
const files = globSync('{src,test,scripts,bench,soak}/**/*.ts', { cwd: root }).filter((file) => !file.includes('generated/'));
const text = Object.fromEntries(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
const sources = files.filter((file) => file.startsWith('src/'));
const schemaFiles = sources.filter((file) => file.startsWith('src/schema/'));

/** The modules that a module imports, types included. */
const importsOf = (file: string) =>
  [...(text[file] ?? '').matchAll(/^(?:import|export)\b[^;]*?'(?<path>\.[^']+)'/gm)].map(({ groups }) =>
    normalize(join(dirname(file), groups?.path ?? '')),
  );
const kebab = (name: string) => name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
const uncapitalize = (name: string) => name.charAt(0).toLowerCase() + name.slice(1);

/** The files of `src/schema/` whose text matches. */
const filesMatching = (pattern: RegExp) => schemaFiles.filter((file) => pattern.test(text[file] ?? ''));
const fieldsOf = (type: typeof schema extends { getMutationType(): infer T } ? T : never) => Object.keys(type?.getFields() ?? {});
const filesNamed = (name: string) => schemaFiles.filter((file) => basename(file) === `${kebab(name)}.ts`);

/** Types in the file of the mutation or of the type that their name begins with. */
const isAttached = (name: string) => /(?:Payload|Input|Connection|Edge|Filter|Order|Result)$/.test(name);

describe('the schema', () => {
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => (isObjectType(type) || isUnionType(type)) && !type.name.startsWith('__'),
  );
  const nouns = types
    .map(({ name }) => name)
    .filter((name) => !isAttached(name) && !['Query', 'Mutation', 'Subscription', 'PageInfo'].includes(name));

  it.each(nouns)('defines type %s in a file of that name', (name) => {
    const homes = filesMatching(new RegExp(`\\.(?:prismaNode|prismaObject|objectRef|unionType)(?:<[^(]*>)?\\(\\s*'${name}'`));
    expect(homes.map((file) => basename(file, '.ts').replace(new RegExp(`^(${kebab(name)})s$`), '$1'))).toEqual([kebab(name)]);
  });

  it.each(fieldsOf(schema.getMutationType()))('defines mutation %s in a file of that name, alone', (name) => {
    const [home = '', ...others] = filesNamed(name);
    expect(others).toEqual([]);
    expect(text[home]).toMatch(new RegExp(`\\.(?:m|relayM)utationField\\(\\s*'${name}'`));
    expect(text[home]?.match(/\.(?:m|relayM)utationField\(/g)).toHaveLength(1);
  });

  it.each(fieldsOf(schema.getSubscriptionType()))('defines subscription %s in a file of that name', (name) => {
    const [home = ''] = filesNamed(name);
    expect(text[home]).toContain(`subscriptionField('${name}'`);
  });

  it.each(fieldsOf(schema.getQueryType()).filter((name) => !['node', 'nodes'].includes(name)))(
    'defines query %s in the file of the type that it returns',
    (name) => {
      const [home = ''] = filesMatching(new RegExp(`(?:Field\\((?:'\\w+', )?|visibleConnection\\(\\s*)'${name}'`));
      const singular = kebab(name).replace(/ies$|s$/, (ending) => (ending === 's' ? '' : 'y'));
      expect([kebab(name), singular, 'user']).toContain(basename(home, '.ts'));
    },
  );

  it.each(
    Object.values(schema.getTypeMap())
      .filter((type) => isInputObjectType(type))
      .map(({ name }) => name),
  )('defines input %s in the file of its mutation or list', (name) => {
    const owner = name.replace(/(?:Input|Filter|Order)$/, '');
    // relayMutationField names the input after the mutation.
    const homes = filesMatching(new RegExp(`inputType\\('${name}'|relayMutationField\\(\\s*'${uncapitalize(owner)}'`));
    expect(homes.map((file) => basename(file, '.ts').replace(/s$/, ''))).toEqual([kebab(owner).replace(/s$/, '')]);
  });
});

describe('the table of contents', () => {
  const contents = importsOf('src/schema/schema.ts');

  it('imports every module that adds a field', () => {
    const adding = filesMatching(
      /builder\.(?:mutation|relayMutation|query|subscription|prismaObject)Fields?\(|^visible(?:Connection|Relation)\(/m,
    );
    expect(adding.filter((file) => !contents.includes(file))).toEqual([]);
  });

  it('imports only modules that define types or fields', () => {
    const others = contents.filter((file) => !/builder\.\w+\(|visible(?:Connection|Relation)\(/.test(text[file] ?? ''));
    expect(others.filter((file) => !file.startsWith('src/graphql/'))).toEqual([]);
  });
});

describe('files', () => {
  it('have at most 300 lines', () => {
    expect(files.filter((file) => (text[file]?.trimEnd().split('\n').length ?? 0) > 300)).toEqual([]);
  });

  it('are not named after an unspecific layer', () => {
    const names =
      /^(utils?|helpers?|common|shared|core|base|misc|managers?|providers?|repositor(y|ies)|controllers?|resolvers?|dtos?|interfaces?|middlewares?)$/;
    expect(sources.filter((file) => [...dirname(file).split('/'), basename(file, '.ts')].some((part) => names.test(part)))).toEqual([]);
  });

  it('do not only re-export other files', () => {
    expect(sources.filter((file) => basename(file) === 'index.ts' || /^export \*/m.test(text[file] ?? ''))).toEqual([]);
  });

  it('of mutations have a test of the same name', () => {
    const tests = new Set(files.filter((file) => file.startsWith('test/')).map((file) => basename(file)));
    expect(fieldsOf(schema.getMutationType()).filter((name) => !tests.has(`${kebab(name)}.test.ts`))).toEqual([]);
  });
});
