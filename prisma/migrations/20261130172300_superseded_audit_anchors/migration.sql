-- The project says "reject".
ALTER FUNCTION refuse_audit_change() RENAME TO reject_audit_change;
ALTER FUNCTION refuse_audit_event_deletion() RENAME TO reject_audit_event_deletion;
ALTER FUNCTION refuse_audit_chain_deletion() RENAME TO reject_audit_chain_deletion;
ALTER TRIGGER refuse_audit_change ON "AuditEvent" RENAME TO reject_audit_change;
ALTER TRIGGER refuse_audit_change ON "AuditChain" RENAME TO reject_audit_change;
ALTER TRIGGER refuse_audit_event_deletion ON "AuditEvent" RENAME TO reject_audit_event_deletion;
ALTER TRIGGER refuse_audit_chain_deletion ON "AuditChain" RENAME TO reject_audit_chain_deletion;

-- The chain starts at the last anchor. Earlier ones say nothing more, unless they report missing events.
DROP TRIGGER refuse_audit_change ON "AuditAnchor";
CREATE TRIGGER reject_audit_change BEFORE UPDATE OR TRUNCATE ON "AuditAnchor" EXECUTE FUNCTION reject_audit_change();

CREATE FUNCTION reject_audit_anchor_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM deleted WHERE "missing" > 0 OR "position" > coalesce((SELECT max("position") FROM "AuditAnchor"), 0)) THEN
    RAISE insufficient_privilege USING MESSAGE = '"AuditAnchor" is append-only';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER reject_audit_anchor_deletion AFTER DELETE ON "AuditAnchor" REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION reject_audit_anchor_deletion();

-- Deletes the oldest events of the chain that are older than a time, at least a day ago (the minimum of AUDIT_RETENTION), and records where the
-- chain starts now.
CREATE OR REPLACE FUNCTION purge_audit_events(before timestamptz, batch integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  anchor "AuditChain"%ROWTYPE;
  gone integer;
  purged integer;
BEGIN
  before := least(before, now() - interval '1 day');
  PERFORM pg_advisory_xact_lock(hashtextextended('fieldgate.audit', 0));
  WITH oldest AS (
    SELECT c."position", e."at" FROM (SELECT * FROM "AuditChain" ORDER BY "position" LIMIT batch) c LEFT JOIN "AuditEvent" e ON e."id" = c."eventId"
  ), due AS (
    SELECT * FROM oldest WHERE "position" < coalesce((SELECT min("position") FROM oldest WHERE "at" >= before), (SELECT max("position") + 1 FROM oldest))
  )
  SELECT c.*, (SELECT count(*) FROM due WHERE "at" IS NULL) INTO anchor."position", anchor."eventId", anchor."hash", gone
  FROM "AuditChain" c WHERE c."position" = (SELECT max("position") FROM due);
  IF anchor."position" IS NULL THEN RETURN 0; END IF;
  INSERT INTO "AuditAnchor" ("position", "hash", "missing") VALUES (anchor."position", anchor."hash", gone);
  DELETE FROM "AuditAnchor" WHERE "position" < anchor."position" AND "missing" = 0;
  DELETE FROM "AuditEvent" e USING "AuditChain" c WHERE c."eventId" = e."id" AND c."position" <= anchor."position";
  GET DIAGNOSTICS purged = ROW_COUNT;
  DELETE FROM "AuditChain" WHERE "position" <= anchor."position";
  RETURN purged;
END $$;

-- In these functions a table of the caller must not hide one of ours.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['purge_audit_events(timestamptz, integer)', 'reject_audit_anchor_deletion()'] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_catalog, pg_temp', name, current_schema());
  END LOOP;
END $$;
