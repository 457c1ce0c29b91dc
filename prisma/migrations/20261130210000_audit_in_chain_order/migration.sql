-- The audit is listed in the order in which events join the chain (docs/decisions/0047).
ALTER TABLE "AuditEvent" ADD COLUMN "chainedAt" TIMESTAMPTZ(3);

DROP TRIGGER reject_audit_change ON "AuditEvent";

-- Of the events so far only their order is known: the time of the latest event up to there keeps it.
UPDATE "AuditEvent" e SET "chainedAt" = c."time"
FROM (
  SELECT c."eventId", max(least(e."at", now())) OVER (ORDER BY c."position") AS "time" FROM "AuditChain" c JOIN "AuditEvent" e ON e."id" = c."eventId"
) c WHERE c."eventId" = e."id";

-- The lists of all events, and of those of a user, an actor, a domain or a target.
DROP INDEX "AuditEvent_userId_at_id_idx", "AuditEvent_actorId_at_id_idx", "AuditEvent_domainId_at_id_idx", "AuditEvent_targetId_at_id_idx";
CREATE INDEX "AuditEvent_chainedAt_id_idx" ON "AuditEvent"("chainedAt", "id") WHERE "chainedAt" IS NOT NULL;
CREATE INDEX "AuditEvent_userId_chainedAt_id_idx" ON "AuditEvent"("userId", "chainedAt", "id") WHERE "chainedAt" IS NOT NULL;
CREATE INDEX "AuditEvent_actorId_chainedAt_id_idx" ON "AuditEvent"("actorId", "chainedAt", "id") WHERE "chainedAt" IS NOT NULL;
CREATE INDEX "AuditEvent_domainId_chainedAt_id_idx" ON "AuditEvent"("domainId", "chainedAt", "id") WHERE "chainedAt" IS NOT NULL;
CREATE INDEX "AuditEvent_targetId_chainedAt_id_idx" ON "AuditEvent"("targetId", "chainedAt", "id") WHERE "chainedAt" IS NOT NULL;

CREATE TRIGGER reject_audit_truncation BEFORE TRUNCATE ON "AuditEvent" EXECUTE FUNCTION reject_audit_change();

-- The only change of an event: it gets its time in the chain, once, when it is there.
CREATE FUNCTION reject_audit_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD."chainedAt" IS NULL AND EXISTS (SELECT FROM "AuditChain" c WHERE c."eventId" = OLD."id") THEN
    OLD."chainedAt" := NEW."chainedAt";
    IF NEW IS NOT DISTINCT FROM OLD THEN RETURN NEW; END IF;
  END IF;
  RAISE insufficient_privilege USING MESSAGE = '"AuditEvent" is append-only';
END $$;

CREATE TRIGGER reject_audit_event_change BEFORE UPDATE ON "AuditEvent" FOR EACH ROW EXECUTE FUNCTION reject_audit_event_change();

CREATE OR REPLACE FUNCTION queue_audit_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF EXISTS (SELECT FROM inserted WHERE "chainedAt" IS NOT NULL) THEN
    RAISE insufficient_privilege USING MESSAGE = '"AuditEvent"."chainedAt" is assigned by the chain';
  END IF;
  INSERT INTO "AuditQueue" ("at", "eventId") SELECT "at", "id" FROM inserted;
  RETURN NULL;
END $$;

-- Appends committed events to the chain, in the order of their time. Of several servers one does it; the others return 0. The events of a batch become
-- visible together, with a time after that of all batches before: what a reader has not seen yet is never before what they have.
CREATE OR REPLACE FUNCTION chain_audit_events(batch integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  event "AuditEvent"%ROWTYPE;
  last_position bigint;
  last_hash bytea;
  chained uuid[] := '{}';
  chained_at timestamptz;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('fieldgate.audit', 0)) THEN RETURN 0; END IF;
  SELECT "position", "hash" INTO last_position, last_hash FROM (
    (SELECT "position", "hash" FROM "AuditChain" ORDER BY "position" DESC LIMIT 1)
    UNION ALL (SELECT "position", "hash" FROM "AuditAnchor" ORDER BY "position" DESC LIMIT 1)
  ) last ORDER BY "position" DESC LIMIT 1;
  last_position := coalesce(last_position, 0);
  last_hash := coalesce(last_hash, decode(repeat('00', 32), 'hex'));
  FOR event IN
    SELECT e.* FROM (SELECT * FROM "AuditQueue" ORDER BY "at", "eventId" LIMIT batch) q JOIN "AuditEvent" e ON e."id" = q."eventId"
    ORDER BY q."at", q."eventId"
  LOOP
    last_position := last_position + 1;
    last_hash := sha256(last_hash || audit_event_content(last_position, event));
    INSERT INTO "AuditChain" ("position", "eventId", "hash") VALUES (last_position, event."id", last_hash);
    DELETE FROM "AuditQueue" WHERE "at" = event."at" AND "eventId" = event."id";
    chained := chained || event."id";
  END LOOP;
  IF cardinality(chained) = 0 THEN RETURN 0; END IF;
  SELECT greatest(date_trunc('milliseconds', clock_timestamp()), max("chainedAt") + interval '1 ms') INTO chained_at
  FROM "AuditEvent" WHERE "chainedAt" IS NOT NULL;
  UPDATE "AuditEvent" SET "chainedAt" = chained_at WHERE "id" = ANY (chained);
  RETURN cardinality(chained);
END $$;

-- In these functions a table of the caller must not hide one of ours.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['queue_audit_events()', 'chain_audit_events(integer)', 'reject_audit_event_change()'] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_catalog, pg_temp', name, current_schema());
  END LOOP;
END $$;
