-- Keeps domains and those above them as they are, and locks those that are to be changed, with those below them if these change as well. Those above
-- a changed domain need no lock: what moves or disables one of them locks all below it. Repeated because a domain may be moved while this waits.
CREATE OR REPLACE FUNCTION lock_domains(domain_ids uuid[], changed uuid[], below boolean) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
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

-- What is not asked for costs nothing, not even its plan.
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
