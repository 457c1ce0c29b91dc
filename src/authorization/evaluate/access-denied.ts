import { randomUUID } from 'node:crypto';
import type { GraphQLError } from 'graphql';
import { type ErrorCode, graphqlError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { evaluateInMemory } from '../../policy/evaluators.ts';
import { ruleOf } from '../rules/registry.ts';
import { conditionsOf, print } from '../rules/rule.ts';

/** The error for a rule that was not met: who is nobody is told to sign in, whose proof is old to renew it; all others which rule it was. */
export function accessDenied(asker: Asker, coordinate: string, rule = ruleOf(coordinate)): GraphQLError {
  const { viewer } = asker;
  if (!viewer) return graphqlError('UNAUTHENTICATED');
  const stale =
    !viewer.recentlyAuthenticated &&
    conditionsOf(rule).some(({ is }) => is === 'fresh') &&
    evaluateInMemory(rule, { ...viewer, recentlyAuthenticated: true }, undefined) !== false;
  const code = stale ? 'REAUTHENTICATION_REQUIRED' : 'FORBIDDEN';
  return graphqlError(code, { coordinate, rule: print(rule), decisionId: decided(asker, code, coordinate, print(rule)) });
}

type Asker = Pick<Context, 'viewer' | 'client' | 'log' | 'loggedDenials'>;

/** The id under which the log has this decision: one line for an operation and a place, however many rows it is about (security.md 19.2, 19.8). */
function decided({ viewer, client, log, loggedDenials }: Asker, code: ErrorCode, coordinate: string, rule: string): string {
  const key = `${code} ${coordinate} ${rule}`;
  const decisionId = loggedDenials.get(key) ?? randomUUID();
  if (loggedDenials.has(key)) return decisionId;
  loggedDenials.set(key, decisionId);
  const asked = { userId: viewer?.user.id, tokenId: viewer?.token.id, requestId: client.requestId, network: client.network };
  log.info({ event: 'authz_fail', decisionId, code, coordinate, rule, ...asked }, 'access was denied');
  return decisionId;
}
