-- CreateTable
CREATE TABLE "MailOutage" (
    "id" INTEGER NOT NULL,
    "code" VARCHAR(63) NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "probeAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "MailOutage_pkey" PRIMARY KEY ("id")
);
