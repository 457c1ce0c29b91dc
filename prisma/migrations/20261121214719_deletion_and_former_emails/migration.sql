-- AlterTable
ALTER TABLE "User" ADD COLUMN     "deletedAt" TIMESTAMPTZ(3),
ADD COLUMN     "eraseAt" TIMESTAMPTZ(3),
ADD COLUMN     "erasedAt" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "FormerEmail" (
    "emailKey" VARCHAR(254) NOT NULL,
    "email" VARCHAR(254) NOT NULL,
    "userId" UUID NOT NULL,
    "changedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "FormerEmail_pkey" PRIMARY KEY ("emailKey")
);

-- CreateIndex
CREATE INDEX "FormerEmail_userId_idx" ON "FormerEmail"("userId");

-- CreateIndex
CREATE INDEX "FormerEmail_expiresAt_idx" ON "FormerEmail"("expiresAt");

-- AddForeignKey
ALTER TABLE "FormerEmail" ADD CONSTRAINT "FormerEmail_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Those that wait to be erased, which are few of all.
CREATE INDEX "User_eraseAt_idx" ON "User"("eraseAt") WHERE "erasedAt" IS NULL;

-- An address that its last owner may have back is taken, whichever way somebody else would get it. Asked after the row was written: whoever waited
-- for the unique key sees here what the other one has committed.
CREATE FUNCTION former_email_is_taken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM "FormerEmail" WHERE "emailKey" = NEW."emailKey" AND "userId" <> NEW."id" AND "expiresAt" > now()) THEN
    RAISE unique_violation USING MESSAGE = 'duplicate key value violates unique constraint "User_emailKey_key"', CONSTRAINT = 'User_emailKey_key', TABLE = 'User', DETAIL = 'Key ("emailKey") is kept for its last owner.';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER former_email_is_taken AFTER INSERT OR UPDATE OF "emailKey" ON "User"
FOR EACH ROW EXECUTE FUNCTION former_email_is_taken();
