import { all } from '../../authorization/rules/rule.ts';
import type { Job as JobRow } from '../../database/generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';
import { scope, superadmin } from '../../policy/conditions.ts';
import { jobs } from './schedule.ts';

const jobsRule = all(scope('audit:read'), superadmin);

/** A job of this version, and its row, which another server may have written. */
interface JobState {
  readonly job: (typeof jobs)[number];
  readonly row: JobRow | undefined;
}

const Job = builder.objectRef<JobState>('Job').implement({
  description: 'A scheduled job. Only one server runs it at a time.',
  access: jobsRule,
  fields: (t) => ({
    name: t.string({ nullable: false, description: 'The unique name.', resolve: ({ job }) => job.name }),
    everySeconds: t.float({ nullable: false, description: 'The period in seconds.', resolve: ({ job }) => job.every / 1_000 }),
    lastStartedAt: t.field({ type: 'DateTime', description: 'Time at which the last run started.', resolve: ({ row }) => row?.startedAt }),
    lastFinishedAt: t.field({
      type: 'DateTime',
      description:
        'Time at which the last completed run finished. Earlier than `lastStartedAt` while the job runs, or if its server was killed.',
      resolve: ({ row }) => row?.finishedAt,
    }),
    lastError: t.string({
      description: 'The error of the last completed run; null if it succeeded.',
      resolve: ({ row }) => row?.error,
    }),
    lastCount: t.int({
      description: 'The number of rows that the last completed run processed; null if it failed.',
      resolve: ({ row }) => row?.count,
    }),
  }),
});

builder.queryField('jobs', (t) =>
  t.field({
    type: [Job],
    nullable: { list: false, items: false },
    description: 'The scheduled jobs with the results of their last runs.',
    access: jobsRule,
    resolve: async (_, __, { db }) => {
      const rows = new Map((await db.prisma.job.findMany()).map((row) => [row.name, row]));
      return jobs.map((job) => ({ job, row: rows.get(job.name) }));
    },
  }),
);
