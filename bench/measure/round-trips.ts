import { startMandate, type MandateOptions } from '../candidates/mandate-process.js';
import { mandateKinds } from '../candidates/mandate-kinds.js';
import { makeZone } from '../candidates/mandate-zone.js';
import { startPostgres } from '../candidates/postgres.js';
import { newGatewayKey } from '../../test/setup/gateway.js';
import { Connection } from '../load/connection.js';
import { startCountingProxy } from './counting-proxy.js';
import { spread } from './summary.js';

/** How often one request of a kind goes to PostgreSQL and back before it is answered. */
export interface RoundTrips {
  readonly kind: string;
  readonly median: number;
  readonly most: number;
}

/**
 * Counts round trips, with a server of its own that reaches PostgreSQL through a proxy, which would cost the load
 * something. One request is asked after the other, and the median of what each took is told, since the server asks
 * PostgreSQL other things in between.
 */
export async function countRoundTrips(
  options: MandateOptions,
  wanted: (kind: string) => boolean,
  postgresServer?: string,
  requests = 25,
): Promise<RoundTrips[]> {
  const postgres = await startPostgres(postgresServer);
  const proxy = await startCountingProxy(postgres.url);
  const gatewayKey = newGatewayKey();
  const env = { GATEWAY_HMAC_KEY: gatewayKey, ...options.env };
  const replica = await startMandate(proxy.url, { ...options, env });
  const counted: RoundTrips[] = [];
  try {
    const kinds = await mandateKinds(await makeZone(replica), gatewayKey);
    for (const kind of kinds.filter(({ name }) => wanted(name))) {
      const prepared = await kind.prepare(requests);
      const connection = await Connection.open(Number(replica.ports[0]), () => {});
      const each: number[] = [];
      for (let n = 0; n < requests; n += 1) {
        const bytes = prepared.requests[n % prepared.requests.length];
        if (bytes === undefined) throw new Error(`nothing to ask for ${kind.name}`);
        const before = proxy.roundTrips();
        const { status } = await connection.ask(bytes);
        if (status !== kind.status) throw new Error(`${kind.name} was answered ${status}`);
        each.push(proxy.roundTrips() - before);
      }
      connection.close();
      const { median, most } = spread(each);
      counted.push({ kind: kind.name, median, most });
    }
  } finally {
    await replica.stop();
    proxy.close();
    await postgres.stop();
  }
  return counted;
}
