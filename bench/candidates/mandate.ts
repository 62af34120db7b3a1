import { newGatewayKey } from '../../test/setup/gateway.js';
import type { Candidate } from './candidate.js';
import { startMandate, type MandateOptions } from './mandate-process.js';
import { mandateKinds } from './mandate-kinds.js';
import { makeZone } from './mandate-zone.js';
import { startPostgres } from './postgres.js';

/** Our server, started fresh with a database and a zone of its own. */
export async function startOurs(
  name: string,
  options: MandateOptions,
  postgresServer?: string,
): Promise<Candidate> {
  const postgres = await startPostgres(postgresServer);
  const gatewayKey = newGatewayKey();
  const replica = await startMandate(postgres.url, {
    ...options,
    env: { GATEWAY_HMAC_KEY: gatewayKey, ...options.env },
  });
  const zone = await makeZone(replica);
  return {
    name,
    port: Number(replica.ports[0]),
    pid: replica.pid,
    postgres,
    kinds: await mandateKinds(zone, gatewayKey),
    stop: async () => {
      await replica.stop();
      await postgres.stop();
    },
  };
}
