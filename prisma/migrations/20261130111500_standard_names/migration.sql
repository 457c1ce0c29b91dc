-- Tables and columns get the standard names of their field. Only names and the words stored in `outcome`, `template`, `key` and `name` change.
-- The key of a rate limit contains a digest of the template's name: the limits of emails whose template is renamed start again.

-- Rate limits
ALTER TABLE "Throttle" RENAME TO "RateLimit";
ALTER TABLE "RateLimit" RENAME CONSTRAINT "Throttle_pkey" TO "RateLimit_pkey";
ALTER INDEX "Throttle_expiresAt_idx" RENAME TO "RateLimit_expiresAt_idx";
UPDATE "RateLimit" SET "key" = 'email' || substr("key", 5) WHERE "key" LIKE 'mailBy%';
UPDATE "RateLimit" SET "key" = 'emailByAddressDaily' || substr("key", 19) WHERE "key" LIKE 'emailByAddressADay:%';
UPDATE "RateLimit" SET "key" = 'badTokenByClient' || substr("key", 16) WHERE "key" LIKE 'badTokenByAsker:%';

-- The outbox
ALTER TABLE "Mail" RENAME TO "OutboxEmail";
ALTER TABLE "OutboxEmail" RENAME COLUMN "letter" TO "template";
ALTER TABLE "OutboxEmail" RENAME COLUMN "facts" TO "data";
ALTER TABLE "OutboxEmail" RENAME COLUMN "endedAt" TO "completedAt";
ALTER TABLE "OutboxEmail" RENAME COLUMN "shown" TO "preview";
ALTER TABLE "OutboxEmail" RENAME CONSTRAINT "Mail_pkey" TO "OutboxEmail_pkey";
ALTER TABLE "OutboxEmail" RENAME CONSTRAINT "Mail_userId_fkey" TO "OutboxEmail_userId_fkey";
ALTER TABLE "OutboxEmail" RENAME CONSTRAINT "Mail_invitationId_fkey" TO "OutboxEmail_invitationId_fkey";
ALTER INDEX "Mail_userId_letter_createdAt_idx" RENAME TO "OutboxEmail_userId_template_createdAt_idx";
ALTER INDEX "Mail_invitationId_idx" RENAME TO "OutboxEmail_invitationId_idx";
ALTER INDEX "Mail_endedAt_idx" RENAME TO "OutboxEmail_completedAt_idx";
ALTER INDEX "Mail_waiting_idx" RENAME TO "OutboxEmail_pending_idx";
UPDATE "OutboxEmail" SET "outcome" = CASE "outcome"
  WHEN 'nobody' THEN 'no_recipient' WHEN 'moot' THEN 'obsolete' WHEN 'refused' THEN 'rejected' WHEN 'given up' THEN 'failed'
  WHEN 'shown' THEN 'previewed' ELSE "outcome" END
WHERE "outcome" IS NOT NULL;
UPDATE "OutboxEmail" SET "template" = CASE "template"
  WHEN 'addressChanged' THEN 'emailChanged' WHEN 'newAddress' THEN 'emailChangeConfirmation' WHEN 'confirmation' THEN 'emailConfirmation' END
WHERE "template" IN ('addressChanged', 'newAddress', 'confirmation');

-- Links sent by email
ALTER TYPE "LinkPurpose" RENAME TO "EmailLinkPurpose";
ALTER TABLE "Link" RENAME TO "EmailLink";
ALTER TABLE "EmailLink" RENAME COLUMN "address" TO "email";
ALTER TABLE "EmailLink" RENAME COLUMN "addressKey" TO "emailKey";
ALTER TABLE "EmailLink" RENAME CONSTRAINT "Link_pkey" TO "EmailLink_pkey";
ALTER TABLE "EmailLink" RENAME CONSTRAINT "Link_userId_fkey" TO "EmailLink_userId_fkey";
ALTER TABLE "EmailLink" RENAME CONSTRAINT "Link_invitationId_fkey" TO "EmailLink_invitationId_fkey";
ALTER TABLE "EmailLink" RENAME CONSTRAINT "Link_whose" TO "EmailLink_recipient_check";
ALTER INDEX "Link_hash_key" RENAME TO "EmailLink_hash_key";
ALTER INDEX "Link_userId_purpose_idx" RENAME TO "EmailLink_userId_purpose_idx";
ALTER INDEX "Link_invitationId_idx" RENAME TO "EmailLink_invitationId_idx";
ALTER INDEX "Link_addressKey_purpose_idx" RENAME TO "EmailLink_emailKey_purpose_idx";
ALTER INDEX "Link_expiresAt_idx" RENAME TO "EmailLink_expiresAt_idx";

-- Reserved email addresses
ALTER TABLE "FormerEmail" RENAME TO "ReservedEmail";
ALTER TABLE "ReservedEmail" RENAME CONSTRAINT "FormerEmail_pkey" TO "ReservedEmail_pkey";
ALTER TABLE "ReservedEmail" RENAME CONSTRAINT "FormerEmail_userId_fkey" TO "ReservedEmail_userId_fkey";
ALTER INDEX "FormerEmail_userId_idx" RENAME TO "ReservedEmail_userId_idx";
ALTER INDEX "FormerEmail_expiresAt_idx" RENAME TO "ReservedEmail_expiresAt_idx";

-- A reserved address counts as taken for every other user, whatever statement would give it to them. Checked after the row was written: a statement
-- that waited for the unique key sees here what the other transaction has committed.
DROP TRIGGER former_email_is_taken ON "User";
DROP FUNCTION former_email_is_taken();
CREATE FUNCTION reserved_email_is_taken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM "ReservedEmail" WHERE "emailKey" = NEW."emailKey" AND "userId" <> NEW."id" AND "expiresAt" > now()) THEN
    RAISE unique_violation USING MESSAGE = 'duplicate key value violates unique constraint "User_emailKey_key"', CONSTRAINT = 'User_emailKey_key', TABLE = 'User', DETAIL = 'Key ("emailKey") is reserved for its previous user.';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER reserved_email_is_taken AFTER INSERT OR UPDATE OF "emailKey" ON "User"
FOR EACH ROW EXECUTE FUNCTION reserved_email_is_taken();

-- Signing keys
ALTER TABLE "SigningKey" RENAME COLUMN "jwk" TO "publicJwk";
ALTER TABLE "SigningKey" RENAME COLUMN "sealed" TO "encryptedPrivateJwk";
ALTER TABLE "SigningKey" RENAME COLUMN "signsFrom" TO "activeFrom";

-- Jobs
UPDATE "Job" SET "name" = CASE "name"
  WHEN 'forget throttles that have ended' THEN 'purge-rate-limits'
  WHEN 'erase what was deleted long enough ago' THEN 'erase-deleted-accounts'
  WHEN 'forget former addresses that nobody gets back any more' THEN 'purge-reserved-emails'
  WHEN 'forget read receipts after 90 days' THEN 'purge-read-receipts'
  WHEN 'trim revocations after 30 days' THEN 'trim-revocation-log'
  WHEN 'forget commits of which nothing is left' THEN 'purge-revocation-commits'
  WHEN 'forget tokens 30 days after their end' THEN 'purge-tokens'
  WHEN 'forget letters 30 days after their end' THEN 'purge-outbox-emails'
  WHEN 'forget invitations 30 days after their end' THEN 'purge-invitations'
  WHEN 'forget links 30 days after their end' THEN 'purge-email-links'
  WHEN 'forget what happened, in the audit' THEN 'purge-audit-events'
  WHEN 'end what was entered by roles that have ended' THEN 'revoke-orphaned-sessions'
  ELSE "name" END;

-- Descriptions of the built-in roles
UPDATE "Role" SET "description" = CASE "name"
  WHEN 'SUPERADMIN' THEN 'Full access to everything.'
  WHEN 'ADMIN' THEN 'Administers the platform or, if granted in a domain, that domain and those below it.'
  WHEN 'USER' THEN 'Every user.' END
WHERE "builtIn";
