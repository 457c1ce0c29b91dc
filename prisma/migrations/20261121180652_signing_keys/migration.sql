-- CreateTable
CREATE TABLE "SigningKey" (
    "kid" VARCHAR(255) NOT NULL,
    "jwk" JSONB,
    "sealed" BYTEA,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "signsFrom" TIMESTAMPTZ(3),
    "removedAt" TIMESTAMPTZ(3),

    CONSTRAINT "SigningKey_pkey" PRIMARY KEY ("kid")
);
