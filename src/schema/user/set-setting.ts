import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { requireNotErased } from '../../identity/accounts/not-erased.ts';
import { multiLineText, nonBlankText } from '../../lib/validators.ts';
import { settingRule } from './access-rules.ts';
import { User } from './user.ts';
import { UserSetting } from './user-setting.ts';

const maxSettings = 200; // per user: settings are not a general data store

builder.relayMutationField(
  'setSetting',
  {
    inputFields: (t) => ({
      userId: t.globalID({ for: User, description: 'ID of the user. Defaults to the viewer.' }),
      key: t.string({ required: true, validate: nonBlankText(80), description: 'Key, unique per user.' }),
      value: t.string({ validate: multiLineText(2_000), description: 'Value. Null or omitted stores the key without a value.' }),
    }),
  },
  {
    description: 'Creates or replaces a setting of a user.',
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
        if ((await tx.userSetting.count({ where: { userId } })) > maxSettings)
          throw validationError({ key: [`must not exceed ${maxSettings} settings per user`] });
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
