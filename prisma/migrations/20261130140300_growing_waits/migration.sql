-- AlterTable
ALTER TABLE "EmailLink" ADD COLUMN     "usedFrom" VARCHAR(64);

-- AlterTable
ALTER TABLE "RateLimit" ADD COLUMN     "blockedUntil" TIMESTAMPTZ(3),
ADD COLUMN     "subject" VARCHAR(64);

-- CreateIndex
CREATE INDEX "RateLimit_subject_idx" ON "RateLimit"("subject");

