-- AlterTable
ALTER TABLE "RoleGrant" ADD COLUMN     "delegable" SMALLINT NOT NULL DEFAULT 0,
ADD COLUMN     "throughId" UUID;

-- CreateTable
CREATE TABLE "FieldRead" (
    "id" UUID NOT NULL DEFAULT uuid_v7(),
    "userId" UUID NOT NULL,
    "actorId" UUID NOT NULL,
    "field" VARCHAR(127) NOT NULL,
    "via" VARCHAR(255) NOT NULL,
    "day" DATE NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "FieldRead_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "FieldRead_at_idx" ON "FieldRead"("at");

-- CreateIndex
CREATE UNIQUE INDEX "FieldRead_userId_actorId_field_day_key" ON "FieldRead"("userId", "actorId", "field", "day");

-- CreateIndex
CREATE INDEX "RoleGrant_throughId_idx" ON "RoleGrant"("throughId");

-- AddForeignKey
ALTER TABLE "RoleGrant" ADD CONSTRAINT "RoleGrant_throughId_fkey" FOREIGN KEY ("throughId") REFERENCES "RoleGrant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "FieldRead" ADD CONSTRAINT "FieldRead_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Lists are never NULL: what reads rows as JSON would find it.
UPDATE "Role" SET "permissions" = '{}' WHERE "permissions" IS NULL;
UPDATE "Token" SET "scopes" = '{}' WHERE "scopes" IS NULL;
ALTER TABLE "Role" ALTER COLUMN "permissions" SET DEFAULT ARRAY[]::TEXT[], ALTER COLUMN "permissions" SET NOT NULL;
ALTER TABLE "Token" ALTER COLUMN "scopes" SET DEFAULT ARRAY[]::TEXT[], ALTER COLUMN "scopes" SET NOT NULL;

-- How often a grant may be passed on is bounded (docs/decisions/0014).
ALTER TABLE "RoleGrant" ADD CONSTRAINT "RoleGrant_delegable_check" CHECK ("delegable" BETWEEN 0 AND 5);
