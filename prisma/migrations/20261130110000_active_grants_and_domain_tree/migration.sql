-- Rules that several statements apply. The view and the functions with a standard SQL body are bound to their tables when they are
-- created, so that the search_path of a caller changes nothing; the planner inlines all of them (docs/decisions/0025).

-- The role grants in force. A column added to "RoleGrant" must be added here: replace the view in the same migration.
CREATE VIEW "ActiveRoleGrant" AS
SELECT "id", "userId", "roleId", "domainId", "grantedById", "expiresAt", "createdAt", "delegable", "throughId"
FROM "RoleGrant" WHERE "expiresAt" IS NULL OR "expiresAt" > now();

-- The domain and every domain above it.
CREATE FUNCTION domain_ancestors(domain_id uuid) RETURNS TABLE (id uuid, "parentId" uuid, active boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
  WITH RECURSIVE up AS (
    SELECT d."id", d."parentId", d."active" FROM "Domain" d WHERE d."id" = domain_id
    UNION
    SELECT d."id", d."parentId", d."active" FROM "Domain" d JOIN up ON d."id" = up."parentId"
  )
  SELECT up."id", up."parentId", up."active" FROM up;
END;

-- The domain and every domain below it. `active` is true if no domain from the given one down to it is disabled.
CREATE FUNCTION domain_descendants(domain_id uuid) RETURNS TABLE (id uuid, active boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
  WITH RECURSIVE down AS (
    SELECT d."id", d."active" FROM "Domain" d WHERE d."id" = domain_id
    UNION
    SELECT d."id", d."active" AND down."active" FROM "Domain" d JOIN down ON d."parentId" = down."id"
  )
  SELECT down."id", down."active" FROM down;
END;

-- The grants that let a user enter a domain: a role there or everywhere, or ADMIN in a domain above. No row: the user may not enter.
CREATE FUNCTION domain_entry_grants(user_id uuid, domain_id uuid) RETURNS TABLE (id uuid)
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT g."id"
  FROM "Domain" d JOIN "ActiveRoleGrant" g ON g."userId" = user_id JOIN "Role" r ON r."id" = g."roleId"
  WHERE d."id" = domain_id AND (
    g."domainId" IS NULL OR g."domainId" = d."id"
    OR (r."name" = 'ADMIN' AND EXISTS (SELECT FROM domain_ancestors(d."id") a WHERE a.id = g."domainId")));
END;
