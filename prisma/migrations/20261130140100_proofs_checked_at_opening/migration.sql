-- AlterTable
ALTER TABLE "User" ADD COLUMN     "accessVersion" INTEGER NOT NULL DEFAULT 0;

-- The grants that let a user enter a domain: a role there, ADMIN in a domain above, or a rank held everywhere (docs/decisions/0031). No row: the
-- user may not enter, or the domain or one above it is disabled.
CREATE OR REPLACE FUNCTION domain_entry_grants(user_id uuid, domain_id uuid) RETURNS TABLE (id uuid)
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT g."id"
  FROM "Domain" d JOIN "ActiveRoleGrant" g ON g."userId" = user_id JOIN "Role" r ON r."id" = g."roleId"
  WHERE d."id" = domain_id AND NOT EXISTS (SELECT FROM domain_ancestors(d."id") a WHERE NOT a.active) AND (
    g."domainId" = d."id"
    OR (g."domainId" IS NULL AND r."name" IN ('ADMIN', 'SUPERADMIN'))
    OR (r."name" = 'ADMIN' AND EXISTS (SELECT FROM domain_ancestors(d."id") a WHERE a.id = g."domainId")));
END;

-- The functions below lock rows and then decide. They are VOLATILE plpgsql because each of their statements sees what was committed while it
-- waited for the locks; a single statement would decide with rows read before it waited (docs/decisions/0030, which has the lock order).

-- Keeps a domain and those above it as they are until the transaction ends. Repeated because a domain may be moved while this waits for it.
CREATE FUNCTION lock_domain_path(domain_id uuid) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  path uuid[];
BEGIN
  LOOP
    path := ARRAY(SELECT a.id FROM domain_ancestors(domain_id) a);
    PERFORM 1 FROM "Domain" d WHERE d."id" = ANY (path) ORDER BY d."id" FOR SHARE;
    EXIT WHEN NOT EXISTS (SELECT FROM domain_ancestors(domain_id) a WHERE a.id <> ALL (path));
  END LOOP;
END $$;

-- True if the user may enter the domain. Keeps that true until the transaction ends.
CREATE FUNCTION lock_domain_entry(user_id uuid, domain_id uuid) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM 1 FROM "RoleGrant" g WHERE g."userId" = user_id ORDER BY g."id" FOR SHARE;
  PERFORM lock_domain_path(domain_id);
  RETURN EXISTS (SELECT FROM domain_entry_grants(user_id, domain_id));
END $$;

-- True if this is still the password hash of the user (null: no password was verified) and the user may enter the domain (null: none).
CREATE FUNCTION lock_login(user_id uuid, password_hash text, domain_id uuid) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM 1 FROM "User" u WHERE u."id" = user_id FOR NO KEY UPDATE;
  IF domain_id IS NOT NULL AND NOT lock_domain_entry(user_id, domain_id) THEN
    RETURN false;
  END IF;
  RETURN password_hash IS NULL OR EXISTS (SELECT FROM "Password" p WHERE p."userId" = user_id AND p."hash" = password_hash);
END $$;

-- Sessions and API tokens of users who may no longer enter their domain: USER everywhere was enough before.
WITH revoked AS (
  UPDATE "Token" t SET "revokedAt" = now(), "revokedReason" = 'ACCESS_LOST'
  WHERE t."domainId" IS NOT NULL AND t."revokedAt" IS NULL AND t."expiresAt" > now()
    AND NOT EXISTS (SELECT FROM domain_entry_grants(t."userId", t."domainId"))
  RETURNING t."id", t."kind", t."userId", t."domainId"
), audit AS (
  INSERT INTO "AuditEvent" ("action", "result", "reason", "userId", "domainId", "targetType", "targetId")
  SELECT 'session_revoked', 'ok', 'ACCESS_LOST', "userId", "domainId", 'Token', "id" FROM revoked
)
INSERT INTO "TokenRevocation" ("tokenId", "kind", "userId", "domainId", "reason", "initiator")
SELECT "id", "kind", "userId", "domainId", 'ACCESS_LOST', 'SYSTEM' FROM revoked;
