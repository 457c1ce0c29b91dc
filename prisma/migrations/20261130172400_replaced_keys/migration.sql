-- AlterTable
ALTER TABLE "KeyInUse" ADD COLUMN     "replaced" BYTEA[] DEFAULT ARRAY[]::BYTEA[];
