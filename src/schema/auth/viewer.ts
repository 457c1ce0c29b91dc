import { builder } from '../../graphql/builder.ts';
import type { Viewer as ViewerShape } from '../../identity/viewer.ts';
import { anyone } from '../../policy/conditions.ts';
import { Token } from '../token/token.ts';
import { User } from '../user/user.ts';

const ViewerState = builder.enumType('ViewerState', {
  description: 'The authentication state of the viewer.',
  values: {
    GUEST: { description: 'An anonymous caller.' },
    UNCONFIRMED: { description: 'A user whose email address is not confirmed.' },
    CONFIRMED: { description: 'A user whose email address is confirmed.' },
  } as const,
});

const Viewer = builder.objectRef<{ viewer: ViewerShape | null }>('Viewer').implement({
  description: 'The caller of the operation and their permissions.',
  access: anyone('callers may see their own identity'),
  fields: (t) => ({
    user: t.field({ type: User, description: 'The authenticated user, or null.', resolve: ({ viewer }) => viewer?.user }),
    state: t.field({
      type: ViewerState,
      nullable: false,
      description: 'The authentication state of the viewer.',
      resolve: ({ viewer }) => stateOf(viewer),
    }),
    token: t.field({
      type: Token,
      description: 'The session or API token of the request.',
      resolve: ({ viewer }) => viewer?.token,
    }),
    authenticatedAt: t.field({
      type: 'DateTime',
      description: 'Time of the last authentication.',
      resolve: ({ viewer }) => viewer?.token.authenticatedAt ?? null,
    }),
    fresh: t.boolean({
      nullable: false,
      description: 'True if the last authentication is recent enough for mutations that require a recent one (setting FRESHNESS).',
      resolve: ({ viewer }) => viewer?.recentlyAuthenticated ?? false,
    }),
    rights: t.stringList({
      nullable: false,
      description:
        'The permissions of the roles that the viewer holds globally, limited to the scopes of an API token; none for an API token of a domain. Ranks such as ADMIN are not included.',
      resolve: ({ viewer }) => rightsOf(viewer),
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: Viewer,
    nullable: false,
    description: 'The caller of the operation.',
    access: anyone('callers may see their own identity'),
    workload: 'authentication',
    resolve: (_, __, { viewer }) => ({ viewer }),
  }),
);

function rightsOf(viewer: ViewerShape | null) {
  const names = [...(viewer?.permissions ?? [])].filter((name) => !viewer?.scopes || viewer.scopes.has(name));
  return viewer?.reach ? [] : names.sort();
}

function stateOf(viewer: ViewerShape | null) {
  if (!viewer) return 'GUEST';
  return viewer.user.emailConfirmedAt ? 'CONFIRMED' : 'UNCONFIRMED';
}
