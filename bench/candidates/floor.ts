import { randomUUID } from 'node:crypto';
import { rows } from '../../test/setup/databases.js';
import { formRequest } from '../load/connection.js';
import { keysAt, readSample, verifiedClaims } from './answers.js';
import { forkServer, type Candidate, type Kind } from './candidate.js';
import { startPostgres } from './postgres.js';
import { always } from './prepared.js';

const SERVER = new URL('../floor/server.js', import.meta.url);
const WANTED = { audience: 'resource://a', scope: 'a:read' };

/** The floor, started fresh (floor/server.ts). */
export async function startFloor(postgresServer?: string): Promise<Candidate> {
  const postgres = await startPostgres(postgresServer);
  const secret = randomUUID();
  const server = await forkServer(SERVER, { DATABASE_URL: postgres.url, FLOOR_SECRET: secret });
  const url = `http://127.0.0.1:${server.port}`;
  const keys = await keysAt(url);
  const wanted = { resource: WANTED.audience, scope: WANTED.scope };
  const session = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: randomUUID(),
    client_secret: secret,
    ...wanted,
  });
  const answer = await fetch(url, { method: 'POST', body: session });
  const { access_token: subject } = (await answer.json()) as { access_token: string };
  const exchange = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: subject,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    ...wanted,
  });

  const check = async (samples: readonly string[]): Promise<void> => {
    for (const sample of samples) {
      const { jti } = await verifiedClaims(readSample(sample), keys, WANTED);
      const found = await rows(postgres.url, 'SELECT FROM floor_events WHERE id = $1', [jti]);
      if (found.length !== 1) throw new Error('an answer of the floor is not on record');
    }
  };
  const kind = (name: string, form: URLSearchParams): Kind => ({
    name,
    status: 200,
    prepare: () => Promise.resolve(always(formRequest('/oauth/2/token', form.toString()))),
    check,
    recorded: async () => {
      const [row] = await rows<{ n: string }>(
        postgres.url,
        'SELECT count(*) AS n FROM floor_events',
      );
      return Number(row?.n);
    },
  });
  return {
    name: 'floor',
    port: server.port,
    pid: server.pid,
    postgres,
    kinds: [kind('floor exchange', exchange), kind('floor session', session)],
    stop: async () => {
      await server.stop();
      await postgres.stop();
    },
  };
}
