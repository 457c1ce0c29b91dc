import { builder } from '../../graphql/builder.ts';
import type { Viewer as ViewerShape } from '../../identity/viewer.ts';
import { anyone } from '../../policy/conditions.ts';
import { Token } from '../token/token.ts';
import { User } from '../user/user.ts';

const ViewerState = builder.enumType('ViewerState', {
  description: 'How far the viewer is known.',
  values: {
    GUEST: { description: 'Nobody is signed in.' },
    UNCONFIRMED: { description: 'Somebody whose e-mail address is not proven yet.' },
    CONFIRMED: { description: 'Somebody whose e-mail address is proven.' },
  } as const,
});

const Viewer = builder.objectRef<{ viewer: ViewerShape | null }>('Viewer').implement({
  description: 'Who is asking, and by what right.',
  access: anyone('everybody may ask who they are'),
  fields: (t) => ({
    user: t.field({ type: User, description: 'The user who is asking; null for nobody.', resolve: ({ viewer }) => viewer?.user as never }),
    state: t.field({
      type: ViewerState,
      nullable: false,
      description: 'How far the viewer is known.',
      resolve: ({ viewer }) => (!viewer ? 'GUEST' : viewer.user.emailConfirmedAt ? 'CONFIRMED' : 'UNCONFIRMED'),
    }),
    token: t.field({
      type: Token,
      description: 'The session or API token that the request came with.',
      resolve: ({ viewer }) => viewer?.token as never,
    }),
    authenticatedAt: t.field({
      type: 'DateTime',
      description: 'When the user last proved who they are.',
      resolve: ({ viewer }) => viewer?.token.authenticatedAt ?? null,
    }),
    fresh: t.boolean({
      nullable: false,
      description: 'Whether that was a short while ago.',
      resolve: ({ viewer }) => viewer?.recentlyAuthenticated ?? false,
    }),
    rights: t.stringList({
      nullable: false,
      description:
        'The permissions that roles give the user everywhere, within the scopes of an API token; a rank, as ADMIN, is not one of them.',
      resolve: ({ viewer }) => [...(viewer?.permissions ?? [])].filter((one) => !viewer?.scopes || viewer.scopes.has(one)).sort(),
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: Viewer,
    nullable: false,
    description: 'Who is asking.',
    access: anyone('nobody is told that they are nobody'),
    resolve: (_, __, { viewer }) => ({ viewer }),
  }),
);
