-- AlterTable
ALTER TABLE "User" ADD COLUMN     "username" VARCHAR(32),
ADD COLUMN     "usernameKey" VARCHAR(32);

-- CreateIndex
CREATE UNIQUE INDEX "User_usernameKey_key" ON "User"("usernameKey");
