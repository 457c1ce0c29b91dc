import { all } from '../../authorization/rules/rule.ts';
import type { Job as Row } from '../../database/generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';
import { scope, superadmin } from '../../policy/conditions.ts';
import { jobs } from './schedule.ts';

const jobsRule = all(scope('audit:read'), superadmin);

/** A job of this server, and its row, which another may have written. */
interface Run {
  readonly job: (typeof jobs)[number];
  readonly last: Row | undefined;
}

const Job = builder.objectRef<Run>('Job').implement({
  description: 'Something that the server does on a clock, of several servers one at a time.',
  access: jobsRule,
  fields: (t) => ({
    name: t.string({ nullable: false, description: 'What it does.', resolve: ({ job }) => job.name }),
    everySeconds: t.float({ nullable: false, description: 'The seconds between two runs.', resolve: ({ job }) => job.every / 1_000 }),
    lastStartedAt: t.field({ type: 'DateTime', description: 'When it last began.', resolve: ({ last }) => last?.startedAt }),
    lastFinishedAt: t.field({
      type: 'DateTime',
      description: 'When it last ended; before the beginning while it runs, and where the server that ran it was killed.',
      resolve: ({ last }) => last?.finishedAt,
    }),
    lastError: t.string({ description: 'Why the last run that ended failed; null if it did not.', resolve: ({ last }) => last?.error }),
    lastCount: t.int({
      description: 'How many rows the last run that ended was about; null if it failed.',
      resolve: ({ last }) => last?.count,
    }),
  }),
});

builder.queryField('jobs', (t) =>
  t.field({
    type: [Job],
    nullable: { list: false, items: false },
    description: 'What the server does on a clock, and how it last went.',
    access: jobsRule,
    resolve: async (_, __, { db }) => {
      const rows = new Map((await db.prisma.job.findMany()).map((row) => [row.name, row]));
      return jobs.map((job) => ({ job, last: rows.get(job.name) }));
    },
  }),
);
