import { evaluateRule, findMatchingRows, ruleToFilter } from '../authorization/evaluate/conditions.ts';
import type { ModelDelegate, Policy, RowSubject, SensitiveRead } from '../authorization/rules/policy.ts';
import type { Decision, Rule } from '../authorization/rules/rule.ts';
import type { Database } from '../database/database.ts';
import { graphqlError, validationError } from '../errors.ts';
import type { ReadReceiptRecorder } from '../identity/audit/read-receipts.ts';
import type { Viewer } from '../identity/viewer.ts';
import { isUuid } from '../lib/validators.ts';
import { createAccessDenied, type DenialContext } from './access-denied.ts';
import { defineConditions } from './conditions.ts';
import type { Model, PolicyTypes, Where } from './models.ts';
import { ownership } from './ownership.ts';

/** What the policy takes from the context of an operation. */
export interface PolicyContext extends DenialContext {
  readonly db: Database;
  readonly receipts: Pick<ReadReceiptRecorder, 'record'>;
}

const userOwnership = { ownerModel: 'User', models: ownership };

/** What this product says about access, for the engine in `authorization/`. */
export const policy: Policy<PolicyTypes> = {
  conditions: defineConditions(userOwnership),
  ownership: userOwnership,
  knownRows: { 'Query.me': 'viewer', 'Viewer.user': 'viewer', 'Query.node': 'id', 'Query.user': 'id' },
  viewerRow: ({ user }) => user,
  isRowId: isUuid,
  client: ({ db }: PolicyContext) => db.prisma,
  delegate: modelDelegate,
  accessDenied: createAccessDenied as Policy<PolicyTypes>['accessDenied'],
  notFound: () => graphqlError('NOT_FOUND'),
  invalidInput: validationError,
  onSensitiveRead: recordRead as Policy<PolicyTypes>['onSensitiveRead'],
};

/** Decides a rule with what is in memory: undefined if only the database can tell. */
export const evaluateInMemory = (rule: Rule, viewer: Viewer | null, subject?: RowSubject<Model>): Decision =>
  evaluateRule(policy, rule, viewer, subject);

/** Compiles a rule into a Prisma filter for the viewer: true for every row, false for none. */
export const toWhere = <M extends Model>(rule: Rule, viewer: Viewer | null, model: M) =>
  ruleToFilter(policy, rule, viewer, model) as Where[M] | boolean;

/** The ids out of `ids` whose rows meet the rule, in one statement. `client` is Prisma or a transaction. */
export const findMatchingIds = (client: object, rule: Rule, viewer: Viewer | null, model: Model, ids: readonly string[]) =>
  findMatchingRows(policy, client, rule, viewer, { model, ids });

/** The queries of a model. Prisma's clients have them under the model's name in lower camel case. */
export function modelDelegate(client: object, model: string): ModelDelegate {
  return (client as Record<string, ModelDelegate>)[model.charAt(0).toLowerCase() + model.slice(1)] as ModelDelegate;
}

function recordRead({ viewer, receipts }: PolicyContext, { coordinate, ownerId, grantedBy }: SensitiveRead) {
  if (viewer) receipts.record({ ownerId, actorId: viewer.user.id, field: coordinate }, grantedBy);
}
