-- CreateTable
CREATE TABLE "EventReceiver" (
    "tokenId" UUID NOT NULL,
    "position" BIGINT NOT NULL,
    "seq" BIGINT NOT NULL,
    "acknowledged" UUID[] NOT NULL DEFAULT ARRAY[]::UUID[],

    CONSTRAINT "EventReceiver_pkey" PRIMARY KEY ("tokenId")
);

-- AddForeignKey
ALTER TABLE "EventReceiver" ADD CONSTRAINT "EventReceiver_tokenId_fkey" FOREIGN KEY ("tokenId") REFERENCES "Token"("id") ON DELETE CASCADE ON UPDATE CASCADE;
