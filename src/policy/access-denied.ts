import { randomUUID } from 'node:crypto';
import type { GraphQLError } from 'graphql';
import { evaluateRule } from '../authorization/evaluate/conditions.ts';
import type { AccessContext } from '../authorization/rules/policy.ts';
import { conditionsOf, print, type Rule } from '../authorization/rules/rule.ts';
import { type ErrorCode, graphqlError } from '../errors.ts';
import type { ClientInfo } from '../lib/client-info.ts';
import type { Logger } from '../logger.ts';
import type { PolicyTypes } from './models.ts';

/** What a denial takes from the context of an operation. */
export interface DenialContext extends AccessContext<PolicyTypes> {
  readonly client: ClientInfo;
  readonly log: Logger;
  /** The ids of the denials that this operation has logged. */
  readonly loggedDenials: Map<string, string>;
}

/**
 * The error for a denied rule: anonymous callers have to authenticate, callers whose authentication is too old have to repeat it, all others
 * learn which rule was not met.
 */
export function createAccessDenied(context: DenialContext, coordinate: string, rule: Rule): GraphQLError {
  if (!context.viewer) return graphqlError('UNAUTHENTICATED');
  const code = wouldPassIfFresh(context, rule) ? 'REAUTHENTICATION_REQUIRED' : 'FORBIDDEN';
  return graphqlError(code, { coordinate, rule: print(rule), decisionId: logDenial(context, code, coordinate, print(rule)) });
}

function wouldPassIfFresh({ viewer, access }: DenialContext, rule: Rule): boolean {
  if (!viewer || viewer.recentlyAuthenticated || !conditionsOf(rule).some(({ is }) => is === 'fresh')) return false;
  return evaluateRule(access.policy, rule, { ...viewer, recentlyAuthenticated: true }) !== false;
}

/** Logs the denial once per operation, coordinate and rule, however many rows it is about (security.md 19.2, 19.8). Returns its id. */
function logDenial({ viewer, client, log, loggedDenials }: DenialContext, code: ErrorCode, coordinate: string, rule: string): string {
  const key = `${code} ${coordinate} ${rule}`;
  const logged = loggedDenials.get(key);
  if (logged) return logged;
  const decisionId = randomUUID();
  loggedDenials.set(key, decisionId);
  const caller = { userId: viewer?.user.id, tokenId: viewer?.token.id, requestId: client.requestId, network: client.network };
  log.info({ event: 'authz_fail', decisionId, code, coordinate, rule, ...caller }, 'access was denied');
  return decisionId;
}
