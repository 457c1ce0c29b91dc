-- AlterEnum
ALTER TYPE "RevocationReason" ADD VALUE 'ACCESS_LOST';
ALTER TYPE "RevocationReason" ADD VALUE 'PASSWORD_CHANGED';

-- AlterTable
ALTER TABLE "Token" ADD COLUMN     "reuseAt" TIMESTAMPTZ(3),
ADD COLUMN     "reuseFrom" VARCHAR(64),
ADD COLUMN     "rotations" INTEGER NOT NULL DEFAULT 0;
UPDATE "Token" t SET "rotations" = s.count
FROM (SELECT "tokenId", count(*) FROM "TokenSecret" WHERE "parentHash" IS NOT NULL GROUP BY "tokenId") s WHERE s."tokenId" = t."id";

-- CreateIndex
CREATE INDEX "RoleGrant_expiresAt_idx" ON "RoleGrant"("expiresAt");

-- The record of a token that was entered through a domain outlives the domain.
ALTER TABLE "TokenRevocation" DROP CONSTRAINT "TokenRevocation_domainId_fkey";

-- CreateTable
CREATE TABLE "RevocationCommit" (
    "id" BIGSERIAL NOT NULL,
    "position" BIGINT,
    "trimmed" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "RevocationCommit_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "RevocationCommit_position_key" ON "RevocationCommit"("position");

-- What was recorded before gets positions in the order of its transactions.
ALTER TABLE "TokenRevocation" ADD COLUMN "commitId" BIGINT;
CREATE SEQUENCE revocation_position;
INSERT INTO "RevocationCommit" ("id", "position")
SELECT nextval('"RevocationCommit_id_seq"'), nextval('revocation_position') FROM (SELECT DISTINCT "txid" FROM "TokenRevocation" ORDER BY "txid") old;
UPDATE "TokenRevocation" r SET "commitId" = old."rank"
FROM (SELECT "id", dense_rank() OVER (ORDER BY "txid") AS "rank" FROM "TokenRevocation") old WHERE old."id" = r."id";

-- The commit that the current transaction will be; a savepoint that is rolled back takes it along.
CREATE FUNCTION revocation_commit() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  current bigint := nullif(current_setting('fieldgate.revocation_commit', true), '')::bigint;
BEGIN
  IF current IS NULL THEN
    INSERT INTO "RevocationCommit" DEFAULT VALUES RETURNING "id" INTO current;
    PERFORM set_config('fieldgate.revocation_commit', current::text, true);
  END IF;
  RETURN current;
END $$;

-- Runs as the transaction commits. The lock is held until the commit can be seen, so whoever sees a position sees all before it.
CREATE FUNCTION revocation_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('fieldgate.revocations', 0));
  UPDATE "RevocationCommit" SET "position" = nextval('revocation_position') WHERE "id" = NEW."id";
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER revocation_position AFTER INSERT ON "RevocationCommit"
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION revocation_position();

-- DropIndex
DROP INDEX "TokenRevocation_txid_seq_idx";

-- AlterTable
ALTER TABLE "TokenRevocation" ALTER COLUMN "commitId" SET DEFAULT revocation_commit(),
ALTER COLUMN "commitId" SET NOT NULL,
DROP COLUMN "txid";

-- CreateIndex
CREATE INDEX "TokenRevocation_commitId_seq_idx" ON "TokenRevocation"("commitId", "seq");

-- CreateIndex
CREATE INDEX "TokenRevocation_tokenId_idx" ON "TokenRevocation"("tokenId");

-- CreateIndex
CREATE INDEX "TokenRevocation_domainId_idx" ON "TokenRevocation"("domainId");

-- Where the log begins is asked for by every reader.
CREATE INDEX "RevocationCommit_trimmed_idx" ON "RevocationCommit"("position") WHERE "trimmed";

-- CreateIndex
CREATE INDEX "TokenRevocation_revokedAt_idx" ON "TokenRevocation"("revokedAt");
