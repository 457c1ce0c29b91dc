import { encodeGlobalID } from '@pothos/plugin-relay';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { anyone } from '../../policy/conditions.ts';
import { settingRule } from './access-rules.ts';
import { UserSetting } from './user-setting.ts';

const DeleteSettingInput = builder.inputType('DeleteSettingInput', {
  description: 'Which setting goes.',
  fields: (t) => ({ id: t.globalID({ required: true, for: UserSetting, description: 'The id of the setting.' }) }),
});

const DeleteSettingPayload = builder.simpleObject('DeleteSettingPayload', {
  description: 'What comes of deleting a setting.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({ deletedId: t.id({ nullable: false, description: 'The id that the setting had.' }) }),
});

builder.mutationField('deleteSetting', (t) =>
  t.field({
    type: DeleteSettingPayload,
    nullable: false,
    description: 'Deletes a setting.',
    access: settingRule,
    about: 'UserSetting',
    args: { input: t.arg({ type: DeleteSettingInput, required: true, description: 'The setting.' }) },
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        const { userId, key } = await tx.userSetting.delete({ where: { id } });
        await audit({ action: 'user_updated', reason: 'setting deleted', userId, target: ['UserSetting', id], details: { key } });
        return { deletedId: encodeGlobalID('UserSetting', id) };
      }),
  }),
);
