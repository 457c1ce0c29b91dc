import { encodeGlobalID } from '@pothos/plugin-relay';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { settingRule } from './access-rules.ts';
import { UserSetting } from './user-setting.ts';

builder.relayMutationField(
  'deleteSetting',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: UserSetting, description: 'ID of the setting.' }) }) },
  {
    description: 'Deletes a setting.',
    access: settingRule,
    target: 'UserSetting',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        const { userId, key } = await tx.userSetting.delete({ where: { id } });
        await audit({
          action: 'user_updated',
          reason: 'setting deleted',
          userId,
          target: { type: 'UserSetting', id },
          details: { key },
        });
        return { deletedId: encodeGlobalID('UserSetting', id) };
      }),
  },
  { outputFields: (t) => ({ deletedId: t.exposeID('deletedId', { nullable: false, description: 'ID of the deleted setting.' }) }) },
);
