-- CreateEnum
CREATE TYPE "LinkPurpose" AS ENUM ('CONFIRM_EMAIL', 'RESET_PASSWORD', 'CHANGE_EMAIL', 'UNDO_EMAIL_CHANGE');

-- AlterEnum
ALTER TYPE "RevocationReason" ADD VALUE 'PASSWORD_RESET';
ALTER TYPE "RevocationReason" ADD VALUE 'ACCESS_RESET';
ALTER TYPE "RevocationReason" ADD VALUE 'EMAIL_CONFIRMED';
ALTER TYPE "RevocationReason" ADD VALUE 'EMAIL_CHANGED';
ALTER TYPE "RevocationReason" ADD VALUE 'USER_DELETED';

-- CreateTable
CREATE TABLE "Mail" (
    "id" UUID NOT NULL DEFAULT uuid_v7(),
    "letter" VARCHAR(63) NOT NULL,
    "userId" UUID,
    "emailKey" VARCHAR(254),
    "address" VARCHAR(254),
    "facts" JSONB,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "dueAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "endedAt" TIMESTAMPTZ(3),
    "outcome" VARCHAR(31),
    "error" VARCHAR(255),
    "shown" JSONB,

    CONSTRAINT "Mail_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Link" (
    "id" UUID NOT NULL,
    "purpose" "LinkPurpose" NOT NULL,
    "userId" UUID NOT NULL,
    "address" VARCHAR(254) NOT NULL,
    "addressKey" VARCHAR(254) NOT NULL,
    "hash" BYTEA NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,
    "usedAt" TIMESTAMPTZ(3),

    CONSTRAINT "Link_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "Mail_userId_letter_createdAt_idx" ON "Mail"("userId", "letter", "createdAt");

-- CreateIndex
CREATE INDEX "Mail_endedAt_idx" ON "Mail"("endedAt");

-- CreateIndex
CREATE UNIQUE INDEX "Link_hash_key" ON "Link"("hash");

-- CreateIndex
CREATE INDEX "Link_userId_purpose_idx" ON "Link"("userId", "purpose");

-- CreateIndex
CREATE INDEX "Link_addressKey_purpose_idx" ON "Link"("addressKey", "purpose");

-- CreateIndex
CREATE INDEX "Link_expiresAt_idx" ON "Link"("expiresAt");

-- Those that wait, which are few of all.
CREATE INDEX "Mail_waiting_idx" ON "Mail"("dueAt") WHERE "endedAt" IS NULL;

-- AddForeignKey
ALTER TABLE "Mail" ADD CONSTRAINT "Mail_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Link" ADD CONSTRAINT "Link_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;
