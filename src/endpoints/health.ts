import { maxClockOffset, measureClockOffset } from '../database/clock-offset.ts';
import { type Endpoint, sendText } from '../transport/http/endpoint.ts';

const maxDatabaseTime = 1_000; // milliseconds

/** `GET /health/live`: the liveness probe. */
export const liveness: Endpoint = { method: 'GET', respond: ({ response }) => sendText(response, 200, 'ok') };

/** `GET /health/ready`: the readiness probe. A node without its database, or with a clock that differs from that of the database, is not ready. */
export const readiness: Endpoint = {
  method: 'GET',
  workload: 'authentication',
  async respond({ services: { db }, response }) {
    const timeout = new Promise<false>((resolve) => setTimeout(resolve, maxDatabaseTime, false).unref());
    const isRight = measureClockOffset(db).then((offset) => Math.abs(offset) <= maxClockOffset);
    const isReady = await Promise.race([isRight, timeout]).catch(() => false);
    sendText(response, isReady ? 200 : 503, isReady ? 'ok' : 'not ok');
  },
};
