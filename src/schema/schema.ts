// The table of contents of the schema. Each import adds one type, query, mutation or subscription, with the types that it needs.

// users: profiles, settings and records of who read them
import './user/country.ts';
import './user/delete-setting.ts';
import './user/field-read.ts';
import './user/set-setting.ts';
import './user/update-profile.ts';
import './user/update-user.ts';
import './user/user-setting.ts';
import './user/user.ts';
import './user/users.ts';

// accounts: creation, status, deletion and restoration
import './account/create-first-superadmin.ts';
import './account/create-user.ts';
import './account/delete-account.ts';
import './account/delete-user.ts';
import './account/disable-user.ts';
import './account/enable-user.ts';
import './account/reset-user-access.ts';
import './account/restore-user.ts';
import './account/send-password-reset.ts';
import './account/unlock-user.ts';

// authentication: registration, login, sessions, passwords and email addresses
import './auth/change-password.ts';
import './auth/change-username.ts';
import './auth/confirm-email-change.ts';
import './auth/confirm-email.ts';
import './auth/login.ts';
import './auth/logout-everywhere.ts';
import './auth/logout.ts';
import './auth/reauthenticate.ts';
import './auth/recover-username.ts';
import './auth/refresh.ts';
import './auth/register.ts';
import './auth/request-email-change.ts';
import './auth/request-password-reset.ts';
import './auth/resend-confirmation.ts';
import './auth/reset-password.ts';
import './auth/undo-email-change.ts';
import './auth/viewer.ts';

// tokens: sessions, API tokens and their revocation
import './token/create-api-token.ts';
import './token/revoke-token.ts';
import './token/revoke-tokens.ts';
import './token/token-revocations.ts';
import './token/token-revoked.ts';
import './token/token.ts';

// roles and the grants of them
import './role/create-role.ts';
import './role/delete-role.ts';
import './role/grant-role.ts';
import './role/revoke-role.ts';
import './role/role-grant.ts';
import './role/role.ts';
import './role/update-role.ts';

// domains
import './domain/create-domain.ts';
import './domain/delete-domain.ts';
import './domain/domain.ts';
import './domain/update-domain.ts';

// invitations
import './invitation/accept-invitation.ts';
import './invitation/invitation.ts';
import './invitation/invite-user.ts';
import './invitation/revoke-invitation.ts';

// access: the rules, and explanations of their decisions
import './access/access-rules.ts';
import './access/check-operation.ts';
import './access/explain-access.ts';
import './access/viewer-access.ts';

// operations: audit log and scheduled jobs
import './audit/audit-event.ts';
import './audit/audit-events.ts';
import './job/job.ts';

import { specifiedDirectives } from 'graphql';
import { accessDirective, builder } from '../graphql/builder.ts';
import { withSyncIds } from '../graphql/node.ts';

export const schema = withSyncIds(builder.toSchema({ directives: [...specifiedDirectives, accessDirective] }));
