import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files of each project, in the order in which the projects start: what takes longest comes first. `main` has all other files. */
const projects = {
  docs: ['test/examples/*.test.ts', 'test/cli/{docs,readme,repository,words}.test.ts'],
  matrix: ['test/matrix/*.test.ts'],
  cluster: ['test/cluster/*.test.ts'],
  browser: ['test/pages/browser.test.ts'],
};
const order = [...Object.keys(projects), 'main'];

/** Starts the files project by project, as workers are not shared between projects. */
class ProjectSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => order.indexOf(a.project.name) - order.indexOf(b.project.name));
  }
}

const project = (name: string, include: string[], exclude: string[] = []) => ({ extends: true as const, test: { name, include, exclude } });

export default defineConfig({
  // One copy of graphql: errors of a second one would not be instances of GraphQLError.
  resolve: { alias: { graphql: 'graphql/index.js' } },
  test: {
    globalSetup: 'test/global-setup.ts',
    isolate: false, // a worker loads Prisma and the embedded PostgreSQL once; each file has its own database
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: ProjectSequencer },
    testTimeout: 20_000,
    hookTimeout: 60_000,
    env: { NODE_ENV: 'test' },
    projects: [
      ...Object.entries(projects).map(([name, include]) => project(name, include)),
      project('main', ['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'], Object.values(projects).flat()),
    ],
  },
});
