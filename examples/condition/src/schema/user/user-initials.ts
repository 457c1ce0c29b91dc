import { builder } from '../../graphql/builder.ts';
import { enabled } from '../../policy/conditions.ts';

builder.prismaObjectFields('User', (t) => ({
  initials: t.string({
    description: 'Initials of the display name, at most three.',
    access: enabled,
    resolve: ({ displayName }) => {
      const words = displayName?.split(/\s+/) ?? [];
      return words
        .map(([first = '']) => first.toUpperCase())
        .slice(0, 3)
        .join('');
    },
  }),
}));
