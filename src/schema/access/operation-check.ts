import { builder } from '../../graphql/builder.ts';
import { anyone } from '../../policy/conditions.ts';
import { AccessDenial, type Denied } from './access-denial.ts';

/** What would come of an operation, as far as rules decide it. */
export interface OperationCheckResult {
  readonly denied: readonly Denied[];
  readonly undecided: readonly Denied[];
  readonly wouldSatisfy: readonly string[] | null;
}

export const OperationCheck = builder.objectRef<OperationCheckResult>('OperationCheck').implement({
  description: 'What would come of an operation, as far as rules decide it.',
  access: anyone('whoever was given the check may read it'),
  fields: (t) => ({
    allowed: t.boolean({
      nullable: false,
      description:
        'Whether no rule would deny it. What nobody does to themselves, and which role a grant may name, is decided when it runs; `grantRole` has `dryRun`.',
      resolve: ({ denied }) => denied.length === 0,
    }),
    denied: t.field({
      type: [AccessDenial],
      nullable: { list: false, items: false },
      description: 'Every place that would be denied.',
      resolve: ({ denied }) => denied as Denied[],
    }),
    undecided: t.field({
      type: [AccessDenial],
      nullable: { list: false, items: false },
      description: 'The places that are allowed for some objects and not for others, where the document does not say for which it asks.',
      resolve: ({ undecided }) => undecided as Denied[],
    }),
    wouldSatisfy: t.exposeStringList('wouldSatisfy', {
      nullable: { list: true, items: false },
      description:
        'The smallest set of roles, scopes and the like that would allow all of it; empty where it is allowed, null where nothing would.',
    }),
  }),
});
