-- Every transaction locks rows in the order of docs/decisions/0030, which lock_in_order has in one place. And whether a domain or one above it is disabled
-- has one definition, "Domain"."open".

DROP FUNCTION domain_entry_grants(uuid, uuid);
DROP FUNCTION domain_ancestors(uuid);
DROP FUNCTION domain_descendants(uuid);

-- The domain and every domain above it.
CREATE FUNCTION domain_ancestors(domain_id uuid) RETURNS TABLE (id uuid)
LANGUAGE sql STABLE
BEGIN ATOMIC
  WITH RECURSIVE up AS (
    SELECT d."id", d."parentId" FROM "Domain" d WHERE d."id" = domain_id
    UNION
    SELECT d."id", d."parentId" FROM "Domain" d JOIN up ON d."id" = up."parentId"
  )
  SELECT up."id" FROM up;
END;

-- The domain and every domain below it.
CREATE FUNCTION domain_descendants(domain_id uuid) RETURNS TABLE (id uuid, open boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
  WITH RECURSIVE down AS (
    SELECT d."id", d."open" FROM "Domain" d WHERE d."id" = domain_id
    UNION
    SELECT d."id", d."open" FROM "Domain" d JOIN down ON d."parentId" = down."id"
  )
  SELECT down."id", down."open" FROM down;
END;

-- The grants that let a user enter a domain: a role there, ADMIN in a domain above, or a rank held everywhere (docs/decisions/0031). No row: the
-- user may not enter, or the domain or one above it is disabled.
CREATE FUNCTION domain_entry_grants(user_id uuid, domain_id uuid) RETURNS TABLE (id uuid)
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT g."id"
  FROM "Domain" d JOIN "ActiveRoleGrant" g ON g."userId" = user_id JOIN "Role" r ON r."id" = g."roleId"
  WHERE d."id" = domain_id AND d."open" AND (
    g."domainId" = d."id"
    OR (g."domainId" IS NULL AND r."name" IN ('ADMIN', 'SUPERADMIN'))
    OR (r."name" = 'ADMIN' AND EXISTS (SELECT FROM domain_ancestors(d."id") a WHERE a.id = g."domainId")));
END;

-- These grants and every grant delegated from them.
CREATE FUNCTION with_delegates(grant_ids uuid[]) RETURNS TABLE (id uuid)
LANGUAGE sql STABLE
BEGIN ATOMIC
  WITH RECURSIVE down AS (
    SELECT g."id" FROM "RoleGrant" g WHERE g."id" = ANY (grant_ids)
    UNION
    SELECT g."id" FROM "RoleGrant" g JOIN down ON g."throughId" = down."id"
  )
  SELECT down."id" FROM down;
END;

-- Locks the grants of users, and the grants that are to be changed with every grant delegated from them. Repeated because a grant may be delegated
-- while this waits for it. If any is changed, all are locked FOR UPDATE, because one statement in the order of the ids has one mode.
CREATE FUNCTION lock_grants(holder_ids uuid[], changed uuid[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  found uuid[];
BEGIN
  IF cardinality(changed) = 0 THEN
    PERFORM 1 FROM "RoleGrant" g WHERE g."userId" = ANY (holder_ids) ORDER BY g."id" FOR SHARE;
    RETURN;
  END IF;
  LOOP
    found := ARRAY(SELECT d.id FROM with_delegates(changed) d);
    PERFORM 1 FROM "RoleGrant" g WHERE g."userId" = ANY (holder_ids) OR g."id" = ANY (found) ORDER BY g."id" FOR UPDATE;
    EXIT WHEN NOT EXISTS (SELECT d.id FROM with_delegates(changed) d EXCEPT SELECT unnest(found));
  END LOOP;
END $$;

-- Keeps domains and those above them as they are, and locks those that are to be changed, with those below them if these change as well. Those above
-- a changed domain need no lock: what moves or disables one of them locks all below it. Repeated because a domain may be moved while this waits.
CREATE FUNCTION lock_domains(domain_ids uuid[], changed uuid[], below boolean) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  updated uuid[];
  found uuid[];
  row_id uuid;
BEGIN
  LOOP
    updated := changed;
    IF below THEN
      updated := ARRAY(SELECT DISTINCT d.id FROM unnest(changed) c (id) CROSS JOIN LATERAL domain_descendants(c.id) d);
    END IF;
    found := updated || ARRAY(SELECT DISTINCT a.id FROM unnest(domain_ids) c (id) CROSS JOIN LATERAL domain_ancestors(c.id) a);
    FOR row_id IN SELECT DISTINCT d.id FROM unnest(found) d (id) ORDER BY d.id LOOP
      IF row_id = ANY (updated) THEN
        PERFORM 1 FROM "Domain" d WHERE d."id" = row_id FOR UPDATE;
      ELSE
        PERFORM 1 FROM "Domain" d WHERE d."id" = row_id FOR SHARE;
      END IF;
    END LOOP;
    EXIT WHEN NOT EXISTS (
      SELECT a.id FROM unnest(domain_ids) c (id) CROSS JOIN LATERAL domain_ancestors(c.id) a
      UNION ALL SELECT d.id FROM unnest(changed) c (id) CROSS JOIN LATERAL domain_descendants(c.id) d WHERE below
      EXCEPT SELECT unnest(found));
  END LOOP;
END $$;

-- The only place that has the order of docs/decisions/0030 for a transaction that locks rows of several tables. `tree` is 'share' to add a domain,
-- 'update' to move, enable, disable or delete one, which changes the domains below as well. Who acts by a right in a domain keeps the tree as it is:
-- no domain is disabled, moved or deleted between the decision and the commit. What is not asked for costs nothing, not even its plan.
CREATE FUNCTION lock_in_order(
  user_ids uuid[], holder_ids uuid[], changed_grants uuid[], tree text, domain_ids uuid[], changed_domains uuid[], token_ids uuid[]
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF cardinality(user_ids) > 0 THEN
    PERFORM 1 FROM "User" u WHERE u."id" = ANY (user_ids) ORDER BY u."id" FOR NO KEY UPDATE;
  END IF;
  IF cardinality(holder_ids || changed_grants) > 0 THEN
    PERFORM lock_grants(holder_ids, changed_grants);
  END IF;
  IF tree IS NULL AND cardinality(holder_ids) > 0 AND EXISTS (
    SELECT FROM "RoleGrant" g JOIN "Role" r ON r."id" = g."roleId"
    WHERE g."userId" = ANY (holder_ids) AND g."domainId" IS NOT NULL AND (r."name" = 'ADMIN' OR cardinality(r."permissions") > 0)
  ) THEN
    tree := 'share';
  END IF;
  IF tree = 'share' THEN
    PERFORM pg_advisory_xact_lock_shared(hashtext('fieldgate.domains'));
  ELSIF tree = 'update' THEN
    PERFORM pg_advisory_xact_lock(hashtext('fieldgate.domains'));
  END IF;
  IF cardinality(domain_ids || changed_domains) > 0 THEN
    PERFORM lock_domains(domain_ids, changed_domains, coalesce(tree = 'update', false));
  END IF;
  IF cardinality(token_ids) > 0 THEN
    PERFORM 1 FROM "Token" t WHERE t."id" = ANY (token_ids) ORDER BY t."id" FOR NO KEY UPDATE;
  END IF;
END $$;

-- "open" depends on the domains above and decides about those below. Whoever writes takes the lock of the tree first: a statement that adds a domain
-- waits for one that disables a domain, and then sees it. So the triggers need no locks on rows, which they would take in the order of the tree.
CREATE FUNCTION lock_domain_tree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM pg_advisory_xact_lock_shared(hashtext('fieldgate.domains'));
  ELSE
    PERFORM pg_advisory_xact_lock(hashtext('fieldgate.domains'));
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER domain_tree BEFORE INSERT OR UPDATE OF "active", "parentId", "open" ON "Domain"
  FOR EACH STATEMENT EXECUTE FUNCTION lock_domain_tree();

CREATE OR REPLACE FUNCTION set_domain_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."open" := NEW."active" AND coalesce((SELECT p."open" FROM "Domain" p WHERE p."id" = NEW."parentId"), true);
  RETURN NEW;
END $$;
