import { all } from '../access/rule.ts';
import { anyone, scope, self } from '../access/vocabulary.ts';
import { write } from '../access/write.ts';
import { builder } from '../builder.ts';
import { emptyToNull, given, line, locale, prose, url } from '../input.ts';
import { country } from './country.ts';
import { User } from './user.ts';

const UpdateProfileInput = builder.inputType('UpdateProfileInput', {
  description: 'What changes: what is left out stays, null or an empty text clears.',
  fields: (t) => ({
    displayName: t.string({ validate: line(120), description: 'The name that others see.' }),
    firstName: t.string({ validate: line(120), description: 'The given name.' }),
    lastName: t.string({ validate: line(120), description: 'The family name.' }),
    phone: t.string({ validate: line(40), description: 'A telephone number.' }),
    address: t.string({ validate: prose(2_000), description: 'A postal address.' }),
    country: t.string({ validate: country, description: 'The country, ISO 3166-1 alpha-2.' }),
    locale: t.string({ validate: locale, description: 'The preferred language, a BCP 47 tag.' }),
    avatarUrl: t.string({ validate: url, description: 'Where the picture is found; https.' }),
  }),
});

const UpdateProfilePayload = builder.simpleObject('UpdateProfilePayload', {
  description: 'What comes of changing a profile.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({ user: t.field({ type: User, description: 'The user.' }) }),
});

builder.mutationField('updateProfile', (t) =>
  t.field({
    type: UpdateProfilePayload,
    nullable: false,
    description: 'Changes the profile of the viewer.',
    access: all(scope('users:write'), self),
    about: 'User',
    args: { input: t.arg({ type: UpdateProfileInput, required: true, description: 'What changes.' }) },
    resolve: (_, { input }, context, info) =>
      write(context, info, async ({ tx, viewer, target, audit }) => {
        const { id } = viewer.user;
        await target(id);
        const data = Object.fromEntries(given(input).map(([name, value]) => [name, emptyToNull(value)]));
        const user = await tx.user.update({ where: { id }, data });
        await audit({
          action: 'user_updated',
          reason: 'profile',
          userId: id,
          target: ['User', id],
          details: { fields: Object.keys(data) },
        });
        return { user };
      }),
  }),
);
