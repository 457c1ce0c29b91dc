import type { GraphQLFieldResolver } from 'graphql';
import { mapMaybe } from '../../lib/map-maybe.ts';
import { evaluateRule } from '../evaluate/conditions.ts';
import { ownerIdOf } from '../rules/ownership.ts';
import type { AccessContext, Policy, Row, RowSubject } from '../rules/policy.ts';
import { ruleOf } from '../rules/registry.ts';
import { type Condition, print, type Rule } from '../rules/rule.ts';

type Resolver = GraphQLFieldResolver<unknown, AccessContext, object>;

/** Wraps the resolver of a sensitive field: values of other owners' rows that reach the caller are reported to the policy. */
export const withReadReports =
  (resolve: Resolver, coordinate: string, model: string): Resolver =>
  (row, args, context, info) =>
    mapMaybe(resolve(row, args, context, info) as unknown, (value) => {
      if (value !== null && value !== undefined) reportRead(context, coordinate, { model, row: row as Row });
      return value;
    });

function reportRead(context: AccessContext, coordinate: string, subject: RowSubject) {
  const { viewer, access } = context;
  const { policy } = access;
  const ownerId = ownerIdOf(policy.ownership, subject.model, subject.row);
  if (!viewer || !ownerId || ownerId === policy.viewerRow(viewer).id) return;
  policy.onSensitiveRead(context, {
    coordinate,
    ownerId,
    grantedBy: () => grantingConditions(policy, ruleOf(context, coordinate), viewer, subject),
  });
}

/** The conditions that let the viewer through, as text; the whole rule if they are about the credential only. */
function grantingConditions(policy: Policy, rule: Rule, viewer: object, subject: RowSubject): string {
  const conditions = metConditions(policy, rule, viewer, subject).filter(({ is }) => !policy.conditions[is]?.aboutCredential);
  return [...new Set(conditions.map(print))].join(' | ') || print(rule);
}

/** Of each alternative, the conditions that are met; if only the database knows which one was, those that memory does not rule out. */
function metConditions(policy: Policy, rule: Rule, viewer: object, subject: RowSubject): Condition[] {
  if ('is' in rule) return [rule];
  if ('all' in rule) return rule.all.flatMap((part) => metConditions(policy, part, viewer, subject));
  const decisions = rule.any.map((part) => evaluateRule(policy, part, viewer, subject));
  const wanted = decisions.includes(true) ? true : undefined;
  return rule.any.flatMap((part, index) => (decisions[index] === wanted ? metConditions(policy, part, viewer, subject) : []));
}
