import { randomUUID } from 'node:crypto';
import type { GraphQLError } from 'graphql';
import type { Context } from '../../graphql/context.ts';
import { type ErrorCode, failure } from '../../errors.ts';
import { known } from '../../policy/evaluators.ts';
import { atomsOf, print } from '../rules/rule.ts';
import { ruleOf } from '../rules/registry.ts';

/** The error for a rule that was not met: who is nobody is told to sign in, whose proof is old to renew it; all others which rule it was. */
export function denial(asker: Asker, coordinate: string, rule = ruleOf(coordinate)): GraphQLError {
  const { viewer } = asker;
  if (!viewer) return failure('UNAUTHENTICATED');
  const stale =
    !viewer.fresh && atomsOf(rule).some(({ is }) => is === 'fresh') && known(rule, { ...viewer, fresh: true }, undefined) !== false;
  const code = stale ? 'REAUTHENTICATION_REQUIRED' : 'FORBIDDEN';
  return failure(code, { coordinate, rule: print(rule), decisionId: decided(asker, code, coordinate, print(rule)) });
}

type Asker = Pick<Context, 'viewer' | 'client' | 'log' | 'decisions'>;

/** The id under which the log has this decision: one line for an operation and a place, however many rows it is about (security.md 19.2, 19.8). */
function decided({ viewer, client, log, decisions }: Asker, code: ErrorCode, coordinate: string, rule: string): string {
  const key = `${code} ${coordinate} ${rule}`;
  const decisionId = decisions.get(key) ?? randomUUID();
  if (decisions.has(key)) return decisionId;
  decisions.set(key, decisionId);
  const asked = { userId: viewer?.user.id, tokenId: viewer?.token.id, requestId: client.requestId, network: client.network };
  log.info({ event: 'authz_fail', decisionId, code, coordinate, rule, ...asked }, 'access was denied');
  return decisionId;
}
