import { builder } from '../../graphql/builder.ts';
import { anyone } from '../../policy/conditions.ts';
import { AccessDenial, type Denied } from './access-denial.ts';

/** The decisions of the access rules about an operation. */
export interface OperationCheckResult {
  readonly denied: readonly Denied[];
  readonly undecided: readonly Denied[];
  readonly wouldSatisfy: readonly string[] | null;
}

export const OperationCheck = builder.objectRef<OperationCheckResult>('OperationCheck').implement({
  description: 'The decisions of the access rules about an operation.',
  access: anyone('it is the result of a check that the caller was allowed to run'),
  fields: (t) => ({
    allowed: t.boolean({
      nullable: false,
      description:
        'True if no rule denies the operation. The ban on some actions on your own account, and the check of whether the caller may grant the role, apply when it runs; see `dryRun` of `grantRole`.',
      resolve: ({ denied }) => denied.length === 0,
    }),
    denied: t.field({
      type: [AccessDenial],
      nullable: { list: false, items: false },
      description: 'All elements to which access would be denied.',
      resolve: ({ denied }) => denied as Denied[],
    }),
    undecided: t.field({
      type: [AccessDenial],
      nullable: { list: false, items: false },
      description: 'Elements that are allowed for some objects only, if the document does not determine the objects.',
      resolve: ({ undecided }) => undecided as Denied[],
    }),
    wouldSatisfy: t.exposeStringList('wouldSatisfy', {
      nullable: { list: true, items: false },
      description:
        'The smallest set of changes, such as roles and scopes, that would allow the whole operation. Empty if it is allowed; null if no change would allow it.',
    }),
  }),
});
