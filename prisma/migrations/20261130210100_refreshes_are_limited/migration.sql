-- AlterTable
ALTER TABLE "Token" ADD COLUMN     "recentRefreshes" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "refreshWindowAt" TIMESTAMPTZ(3);
