import { defineConfig } from 'vitest/config';

export default defineConfig({
  // One copy of graphql for everybody: two would turn our errors into strangers'.
  resolve: { alias: { graphql: 'graphql/index.js' } },
  test: {
    include: ['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'],
    isolate: false, // Prisma and the embedded PostgreSQL are loaded once a worker; each file has its own database
    pool: 'forks',
    maxWorkers: 2,
    globalSetup: 'test/global-setup.ts',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    env: { NODE_ENV: 'test' },
  },
});
