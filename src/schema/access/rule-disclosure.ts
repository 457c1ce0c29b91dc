import { graphqlError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';

/** Rules describe the schema: where introspection is disabled, only signed-in callers see them. Throws UNAUTHENTICATED for all others. */
export function requireRuleDisclosure({ config, viewer }: Pick<Context, 'config' | 'viewer'>): void {
  if (!config.INTROSPECTION && !viewer) throw graphqlError('UNAUTHENTICATED');
}
