-- The keys that the nodes use, as fingerprints. A node with other keys does not start (docs/decisions/0039).
CREATE TABLE "KeyInUse" (
    "setting" VARCHAR(63) NOT NULL,
    "fingerprint" BYTEA NOT NULL,
    "changedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "KeyInUse_pkey" PRIMARY KEY ("setting")
);
