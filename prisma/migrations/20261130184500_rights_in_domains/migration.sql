-- Who acts by a right in a domain keeps the tree of domains as it is: no domain is disabled, moved or deleted between the decision and the commit.
CREATE OR REPLACE FUNCTION lock_in_order(
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
