-- An anchor permits the deletion of everything before it. So only one that the retention could have written is accepted: of an entry of the chain, with
-- its hash, with the number of the events that are missing before it, and with no event that is younger than a day (as in purge_audit_events).
CREATE FUNCTION reject_audit_anchor() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  gone bigint;
  newest timestamptz;
BEGIN
  SELECT count(*) FILTER (WHERE e."id" IS NULL), max(e."at") INTO gone, newest
  FROM "AuditChain" c LEFT JOIN "AuditEvent" e ON e."id" = c."eventId" WHERE c."position" <= NEW."position";
  IF newest >= now() - interval '1 day' OR gone <> NEW."missing"
    OR NOT EXISTS (SELECT FROM "AuditChain" c WHERE c."position" = NEW."position" AND c."hash" = NEW."hash") THEN
    RAISE insufficient_privilege USING MESSAGE = '"AuditAnchor" accepts only what the retention has verified';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER reject_audit_anchor BEFORE INSERT ON "AuditAnchor" FOR EACH ROW EXECUTE FUNCTION reject_audit_anchor();

-- In these functions a temporary table of the caller must not hide one of ours.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['reject_audit_anchor()', 'refuse_audit_event_deletion()', 'refuse_audit_chain_deletion()'] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_catalog, pg_temp', name, current_schema());
  END LOOP;
END $$;
