-- A token of a domain is limited to it, so a live one must not lose its domain: neither when the domain is deleted (the foreign key sets it to null)
-- nor by an update. `deleteDomain` revokes these tokens first.
CREATE FUNCTION reject_lost_domain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE restrict_violation USING MESSAGE = format('token %s of domain %s is live: revoke it first', OLD."id", OLD."domainId"), TABLE = 'Token';
END $$;

CREATE TRIGGER reject_lost_domain BEFORE UPDATE OF "domainId" ON "Token"
FOR EACH ROW WHEN (
  OLD."domainId" IS NOT NULL AND NEW."domainId" IS DISTINCT FROM OLD."domainId" AND NEW."revokedAt" IS NULL
  AND least(NEW."expiresAt", NEW."idleExpiresAt") > now()
) EXECUTE FUNCTION reject_lost_domain();
