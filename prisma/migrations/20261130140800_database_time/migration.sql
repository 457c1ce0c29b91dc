-- Every instant comes from the clock of the database, not of a node (docs/decisions/0045). clock_timestamp() and not now(): a transaction that waited for
-- a lock would otherwise date its rows before those that it waited for.
ALTER TABLE "User" ALTER COLUMN "createdAt" SET DEFAULT clock_timestamp(), ALTER COLUMN "updatedAt" SET DEFAULT clock_timestamp();
ALTER TABLE "Password" ALTER COLUMN "updatedAt" SET DEFAULT clock_timestamp();
ALTER TABLE "Role" ALTER COLUMN "createdAt" SET DEFAULT clock_timestamp(), ALTER COLUMN "updatedAt" SET DEFAULT clock_timestamp();
ALTER TABLE "RoleGrant" ALTER COLUMN "createdAt" SET DEFAULT clock_timestamp();
ALTER TABLE "Domain" ALTER COLUMN "createdAt" SET DEFAULT clock_timestamp(), ALTER COLUMN "updatedAt" SET DEFAULT clock_timestamp();
ALTER TABLE "Token" ALTER COLUMN "authenticatedAt" SET DEFAULT clock_timestamp(), ALTER COLUMN "createdAt" SET DEFAULT clock_timestamp();
ALTER TABLE "TokenSecret" ALTER COLUMN "createdAt" SET DEFAULT clock_timestamp();
ALTER TABLE "TokenRevocation" ALTER COLUMN "revokedAt" SET DEFAULT clock_timestamp();
ALTER TABLE "AuditEvent" ALTER COLUMN "at" SET DEFAULT clock_timestamp();
ALTER TABLE "UserSetting" ALTER COLUMN "updatedAt" SET DEFAULT clock_timestamp();
ALTER TABLE "SigningKey" ALTER COLUMN "createdAt" SET DEFAULT clock_timestamp();
ALTER TABLE "Invitation" ALTER COLUMN "createdAt" SET DEFAULT clock_timestamp();
ALTER TABLE "OutboxEmail" ALTER COLUMN "createdAt" SET DEFAULT clock_timestamp(), ALTER COLUMN "dueAt" SET DEFAULT clock_timestamp();
ALTER TABLE "EmailLink" ALTER COLUMN "createdAt" SET DEFAULT clock_timestamp();
ALTER TABLE "ReservedEmail" ALTER COLUMN "changedAt" SET DEFAULT clock_timestamp();
ALTER TABLE "AuditAnchor" ALTER COLUMN "createdAt" SET DEFAULT clock_timestamp();
ALTER TABLE "KeyInUse" ALTER COLUMN "changedAt" SET DEFAULT clock_timestamp();
ALTER TABLE "MailOutage" ALTER COLUMN "since" SET DEFAULT clock_timestamp();
ALTER TABLE "IdempotencyKey" ALTER COLUMN "createdAt" SET DEFAULT clock_timestamp();

-- Sets the time of the last change of a row.
CREATE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."updatedAt" := clock_timestamp();
  RETURN NEW;
END $$;

-- A login is no change of the account.
CREATE TRIGGER updated_at BEFORE UPDATE ON "User" FOR EACH ROW WHEN (OLD."loginCount" = NEW."loginCount" AND OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER updated_at BEFORE UPDATE ON "Password" FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER updated_at BEFORE UPDATE ON "Role" FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER updated_at BEFORE UPDATE ON "Domain" FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER updated_at BEFORE UPDATE ON "UserSetting" FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION set_updated_at();
