-- True if neither the domain nor one above it is disabled. Kept by triggers, so that filters of any depth compare one column.
ALTER TABLE "Domain" ADD COLUMN "open" BOOLEAN NOT NULL DEFAULT true;

UPDATE "Domain" d SET "open" = NOT EXISTS (SELECT FROM domain_ancestors(d."id") a WHERE NOT a.active);

-- Reads the parent with a lock: one that is being disabled is waited for, and one that is disabled later finds this domain among its children.
CREATE FUNCTION set_domain_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."open" := NEW."active" AND coalesce((SELECT p."open" FROM "Domain" p WHERE p."id" = NEW."parentId" FOR SHARE), true);
  RETURN NEW;
END $$;

-- Updating "active" runs the trigger above for each child, and this one for the children of those that have changed.
CREATE FUNCTION set_open_below_domain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE "Domain" SET "active" = "active" WHERE "parentId" = NEW."id";
  RETURN NULL;
END $$;

CREATE TRIGGER domain_open BEFORE INSERT OR UPDATE OF "active", "parentId", "open" ON "Domain"
  FOR EACH ROW EXECUTE FUNCTION set_domain_open();
CREATE TRIGGER domain_open_below AFTER UPDATE ON "Domain"
  FOR EACH ROW WHEN (OLD."open" IS DISTINCT FROM NEW."open") EXECUTE FUNCTION set_open_below_domain();
