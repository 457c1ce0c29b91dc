import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { requireNotErased } from '../../identity/accounts/not-erased.ts';
import { multiLineText, nonBlankText } from '../../lib/validators.ts';
import { settingRule } from './access-rules.ts';
import { User } from './user.ts';
import { UserSetting } from './user-setting.ts';

const mostSettings = 200; // a user's settings are a page or two, not a store

builder.relayMutationField(
  'setSetting',
  {
    description: 'Whose setting becomes what.',
    inputFields: (t) => ({
      userId: t.globalID({ for: User, description: "Whose setting; the viewer's unless said." }),
      key: t.string({ required: true, validate: nonBlankText(80), description: 'The key, unique for its user.' }),
      value: t.string({ validate: multiLineText(2_000), description: 'The value; null, or left out, keeps the key without one.' }),
    }),
  },
  {
    description: 'Sets what a user keeps under a key.',
    access: settingRule,
    target: 'User',
    updates: 'UserSetting',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const userId = input.userId?.id ?? viewer.user.id;
        await lockTarget(userId);
        await requireNotErased(tx, userId, 'userId');
        const { key, value = null } = input;
        const setting = await tx.userSetting.upsert({
          where: { userId_key: { userId, key } },
          create: { userId, key, value },
          update: { value },
        });
        if ((await tx.userSetting.count({ where: { userId } })) > mostSettings)
          throw validationError({ key: [`at most ${mostSettings} settings`] });
        await audit({
          action: 'user_updated',
          reason: 'setting set',
          userId,
          target: { type: 'UserSetting', id: setting.id },
          details: { key },
        });
        return { setting };
      }),
  },
  { outputFields: (t) => ({ setting: t.expose('setting', { type: UserSetting, description: 'The setting.' }) }) },
);
