import { checkReadiness } from '../database/readiness.ts';
import { type Endpoint, sendText } from '../transport/http/endpoint.ts';

/** `GET /health/live`: the liveness probe. */
export const liveness: Endpoint = { method: 'GET', respond: ({ response }) => sendText(response, 200, 'ok') };

/** `GET /health/ready`: the readiness probe. A node without its database, or with a clock that differs from that of the database, is not ready. */
export const readiness: Endpoint = {
  method: 'GET',
  workload: 'authentication',
  async respond({ services: { db }, response }) {
    const { isReady } = await checkReadiness(db);
    sendText(response, isReady ? 200 : 503, isReady ? 'ok' : 'not ok');
  },
};
