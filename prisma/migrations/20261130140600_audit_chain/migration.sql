-- CreateTable
CREATE TABLE "AuditChain" (
    "position" BIGINT NOT NULL,
    "eventId" UUID NOT NULL,
    "hash" BYTEA NOT NULL,

    CONSTRAINT "AuditChain_pkey" PRIMARY KEY ("position")
);

-- CreateTable
CREATE TABLE "AuditAnchor" (
    "position" BIGINT NOT NULL,
    "hash" BYTEA NOT NULL,
    "missing" INTEGER NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "AuditAnchor_pkey" PRIMARY KEY ("position")
);

-- CreateTable
CREATE TABLE "AuditQueue" (
    "at" TIMESTAMPTZ(3) NOT NULL,
    "eventId" UUID NOT NULL,

    CONSTRAINT "AuditQueue_pkey" PRIMARY KEY ("at","eventId")
);

-- CreateIndex
CREATE UNIQUE INDEX "AuditChain_eventId_key" ON "AuditChain"("eventId");

-- The events that are not in the chain yet. The functions that write the chain run with the rights of the owner of the tables, so that the role of the
-- server needs none (docs/operations.md).
CREATE FUNCTION queue_audit_events() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO "AuditQueue" ("at", "eventId") SELECT "at", "id" FROM inserted;
  RETURN NULL;
END $$;

CREATE TRIGGER queue_audit_events AFTER INSERT ON "AuditEvent" REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION queue_audit_events();

INSERT INTO "AuditQueue" ("at", "eventId") SELECT "at", "id" FROM "AuditEvent";

-- The bytes of an event that are hashed (docs/decisions/0040): each value as `<bytes>:<text>,` or `-,` for null.
CREATE FUNCTION audit_event_content(chain_position bigint, event "AuditEvent") RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT convert_to(string_agg(coalesce(octet_length(convert_to(value, 'UTF8')) || ':' || value || ',', '-,'), '' ORDER BY number), 'UTF8')
  FROM unnest(ARRAY[
    chain_position::text, event."id"::text, to_char(event."at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), event."action", event."result",
    event."reason", event."actorId"::text, event."actorTokenId"::text, event."userId"::text, event."domainId"::text, event."targetType",
    event."targetId"::text, event."network", event."agent", event."requestId", event."details"::text
  ]) WITH ORDINALITY AS field (value, number)
$$;

-- Appends committed events to the chain, in the order of their time. Of several servers one does it; the others return 0.
CREATE FUNCTION chain_audit_events(batch integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  event "AuditEvent"%ROWTYPE;
  last_position bigint;
  last_hash bytea;
  chained integer := 0;
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
    chained := chained + 1;
  END LOOP;
  RETURN chained;
END $$;

-- Deletes the oldest events of the chain that are older than a time, at least a day ago (the minimum of AUDIT_RETENTION), and records where the
-- chain starts now.
CREATE FUNCTION purge_audit_events(before timestamptz, batch integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
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
  FOREACH name IN ARRAY ARRAY['queue_audit_events()', 'chain_audit_events(integer)', 'purge_audit_events(timestamptz, integer)'] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_catalog, pg_temp', name, current_schema());
  END LOOP;
END $$;

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE insufficient_privilege USING MESSAGE = format('%I is append-only', TG_TABLE_NAME);
END $$;

CREATE TRIGGER refuse_audit_change BEFORE UPDATE OR TRUNCATE ON "AuditEvent" EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER refuse_audit_change BEFORE UPDATE OR TRUNCATE ON "AuditChain" EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER refuse_audit_change BEFORE UPDATE OR DELETE OR TRUNCATE ON "AuditAnchor" EXECUTE FUNCTION refuse_audit_change();

-- Only what an anchor covers is deleted, so a deletion always leaves an anchor.
CREATE FUNCTION refuse_audit_event_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM deleted d LEFT JOIN "AuditChain" c ON c."eventId" = d."id"
    WHERE c."position" IS NULL OR c."position" > coalesce((SELECT max("position") FROM "AuditAnchor"), 0)
  ) THEN
    RAISE insufficient_privilege USING MESSAGE = '"AuditEvent" is append-only';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER refuse_audit_event_deletion AFTER DELETE ON "AuditEvent" REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_event_deletion();

CREATE FUNCTION refuse_audit_chain_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM deleted WHERE "position" > coalesce((SELECT max("position") FROM "AuditAnchor"), 0)) THEN
    RAISE insufficient_privilege USING MESSAGE = '"AuditChain" is append-only';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER refuse_audit_chain_deletion AFTER DELETE ON "AuditChain" REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_chain_deletion();
