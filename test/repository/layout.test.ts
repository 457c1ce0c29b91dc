import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { isInputObjectType, isObjectType, isUnionType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { schema } from '../../src/schema/schema.ts';
import { mayImport, trunkMayImport } from './may-import.ts';

const root = join(import.meta.dirname, '../..');
const files = globSync('{src,test,scripts,bench,soak}/**/*.ts', { cwd: root }).filter((file) => !file.includes('generated/'));
const text = Object.fromEntries(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
const sources = files.filter((file) => file.startsWith('src/'));

/** The modules that a module imports, types included. */
const importsOf = (file: string) =>
  [...(text[file] ?? '').matchAll(/^(?:import|export)\b[^;]*?'(\.[^']+)'/gm)].map(([, path = '']) => normalize(join(dirname(file), path)));
const folderOf = (file: string) => (file.split('/').length > 2 ? (file.split('/')[1] ?? '') : 'trunk');
const kebab = (name: string) => name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();

const branches = [...new Set(sources.map(folderOf))].filter((name) => !['trunk', 'access'].includes(name));

const verbs = (type: typeof schema extends { getMutationType(): infer T } ? T : never) => Object.keys(type?.getFields() ?? {});
const homeOf = (name: string) => sources.filter((file) => basename(file) === `${kebab(name)}.ts` && folderOf(file) !== 'trunk');
const holds = (file: string, field: string) => new RegExp(`Field\\('(?:\\w+', ')?${field}'`).test(text[file] ?? '');
/** `relayMutationField` names the input after the mutation. */
const definesInput = (name: string) => {
  const verb = name.charAt(0).toLowerCase() + name.slice(1).replace(/Input$/, '');
  return new RegExp(`inputType\\('${name}'|relayMutationField\\(\\s*'${verb}'`);
};
/** Types that live with the verb or the type whose name they begin with. */
const isAttached = (name: string) => /(?:Payload|Input|Connection|Edge|Filter|Order|Result)$/.test(name);

describe('a name in the schema is the name of a file', () => {
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => (isObjectType(type) || isUnionType(type)) && !type.name.startsWith('__'),
  );
  const nouns = types
    .map(({ name }) => name)
    .filter((name) => !isAttached(name) && !['Query', 'Mutation', 'Subscription', 'PageInfo'].includes(name));

  it.each(nouns)('type %s', (name) => {
    const defines = new RegExp(`\\.(?:prismaNode|prismaObject|objectRef|simpleObject|unionType)(?:<[^(]*>)?\\(\\s*'${name}'`);
    const homes = sources.filter((file) => defines.test(text[file] ?? ''));
    expect(homes.map((file) => basename(file, '.ts').replace(new RegExp(`^(${kebab(name)})s$`), '$1'))).toEqual([kebab(name)]);
  });

  it.each(verbs(schema.getMutationType()))('mutation %s', (name) => {
    const [home = '', ...others] = homeOf(name);
    expect(others).toEqual([]);
    expect(text[home], `src/*/${kebab(name)}.ts`).toMatch(new RegExp(`\\.(?:m|relayM)utationField\\(\\s*'${name}'`));
    expect(text[home]?.match(/\.(?:m|relayM)utationField\(/g)).toHaveLength(1);
  });

  it.each(verbs(schema.getSubscriptionType()))('subscription %s', (name) => {
    const [home = ''] = homeOf(name);
    expect(text[home], `src/*/${kebab(name)}.ts`).toContain(`subscriptionField('${name}'`);
  });

  it.each(verbs(schema.getQueryType()).filter((name) => !['node', 'nodes'].includes(name)))(
    'query %s lives with what it answers',
    (name) => {
      const home = sources.find((file) => holds(file, name));
      expect(
        home && [kebab(name), kebab(name).replace(/ies$|s$/, (end) => (end === 's' ? '' : 'y')), 'user'].includes(basename(home, '.ts')),
        home,
      ).toBe(true);
    },
  );

  it.each(
    Object.values(schema.getTypeMap())
      .filter((type) => isInputObjectType(type))
      .map(({ name }) => name),
  )('input %s lives with its verb or its list', (name) => {
    const owner = kebab(name.replace(/(?:Input|Filter|Order)$/, ''));
    const homes = sources.filter((file) => definesInput(name).test(text[file] ?? ''));
    expect(homes.map((file) => basename(file, '.ts').replace(/s$/, ''))).toEqual([owner.replace(/s$/, '')]);
  });

  it.each(Object.keys(schema.getTypeMap()).filter((name) => name.endsWith('Payload')))('payload %s lives with its verb', (name) => {
    const verb = name.charAt(0).toLowerCase() + name.slice(1).replace(/Payload$/, '');
    expect(homeOf(verb).map((file) => text[file]?.includes(`'${verb}'`))).toEqual([true]);
  });
});

describe('the table of contents', () => {
  const contents = importsOf('src/schema.ts');

  it('imports every module that adds a field, and with it every type', () => {
    const adding = sources.filter((file) =>
      /builder\.(?:mutation|relayMutation|query|subscription|prismaObject)Fields?\(/.test(text[file] ?? ''),
    );
    expect(adding.filter((file) => !contents.includes(file))).toEqual([]);
  });

  it('imports nothing else of ours, but what finishes the graph', () => {
    expect(
      contents.filter((file) => !/builder\.\w+\(/.test(text[file] ?? '') && !['src/builder.ts', 'src/node.ts'].includes(file)),
    ).toEqual([]);
  });
});

describe('imports go down', () => {
  it.each(sources.filter((file) => branches.includes(folderOf(file))))('%s imports of other branches only what its own may', (file) => {
    const own = folderOf(file);
    const foreign = importsOf(file).filter((path) => branches.includes(folderOf(path)) && ![own, 'audit', 'mail'].includes(folderOf(path)));
    const allowed = (mayImport[own] ?? []).map((path) => `src/${path}.ts`);
    expect(foreign.filter((path) => !allowed.includes(path))).toEqual([]);
  });

  it.each(sources.filter((file) => !branches.includes(folderOf(file)) && file !== 'src/schema.ts'))(
    '%s imports no branch that it may not',
    (file) => {
      const allowed = (trunkMayImport[file] ?? []).map((path) => `src/${path}.ts`);
      expect(importsOf(file).filter((path) => branches.includes(folderOf(path)) && !allowed.includes(path))).toEqual([]);
    },
  );

  it.each(sources.filter((file) => branches.includes(folderOf(file)) || folderOf(file) === 'access'))(
    '%s knows nothing of what stands on it',
    (file) => {
      const above = ['server', 'start', 'app', 'schema', 'pipeline', 'sockets', 'door'].map((name) => `src/${name}.ts`);
      expect(importsOf(file).filter((path) => above.includes(path))).toEqual([]);
    },
  );

  it('and name files that exist: every allowance is used', () => {
    const used = (own: string, path: string) =>
      sources.some((file) => (file === own || folderOf(file) === own) && importsOf(file).includes(`src/${path}.ts`));
    const idle = Object.entries({ ...mayImport, ...trunkMayImport }).flatMap(([own, paths]) =>
      paths.filter((path) => !used(own, path)).map((path) => `${own} → ${path}`),
    );
    expect(idle).toEqual([]);
  });
});

describe('files', () => {
  it('have at most 200 lines', () => {
    expect(files.filter((file) => (text[file]?.trimEnd().split('\n').length ?? 0) > 200)).toEqual([]);
  });

  it('lie in folders that are named after a noun, not after a layer', () => {
    const layers =
      /^(utils?|helpers?|common|shared|lib|libs|core|base|misc|services?|managers?|providers?|repositor(y|ies)|controllers?|resolvers?|models?|dtos?|types|interfaces?|middlewares?)$/;
    expect(
      sources.filter(
        (file) =>
          dirname(file)
            .split('/')
            .some((folder) => layers.test(folder)) || layers.test(basename(file, '.ts')),
      ),
    ).toEqual([]);
  });

  it('are no lists of other files', () => {
    expect(sources.filter((file) => basename(file) === 'index.ts' || /^export \*/m.test(text[file] ?? ''))).toEqual([]);
  });

  it('are tested under the name that they have', () => {
    const untested = verbs(schema.getMutationType()).filter(
      (name) => !existsSync(join(root, 'test', folderOf(homeOf(name)[0] ?? ''), `${kebab(name)}.test.ts`)),
    );
    expect(untested).toEqual([]);
  });
});
