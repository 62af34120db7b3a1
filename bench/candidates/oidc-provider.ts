import { randomUUID } from 'node:crypto';
import { formRequest } from '../load/connection.js';
import { keysAt, readSample, verifiedClaims } from './answers.js';
import { forkServer, type Candidate } from './candidate.js';
import { always } from './prepared.js';

const SERVER = new URL('../oidc-provider/server.js', import.meta.url);
const WANTED = { audience: 'https://a.example', scope: 'a:read' };

/** `oidc-provider`, started fresh (oidc-provider/server.ts). */
export async function startOidcProvider(): Promise<Candidate> {
  const credentials = { BENCH_CLIENT: randomUUID(), BENCH_SECRET: randomUUID() };
  const server = await forkServer(SERVER, credentials);
  const keys = await keysAt(`http://127.0.0.1:${server.port}/jwks`);
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: credentials.BENCH_CLIENT,
    client_secret: credentials.BENCH_SECRET,
    resource: WANTED.audience,
    scope: WANTED.scope,
  });
  return {
    name: 'oidc-provider',
    port: server.port,
    pid: server.pid,
    postgres: null,
    kinds: [
      {
        name: 'oidc-provider session',
        status: 200,
        prepare: () => Promise.resolve(always(formRequest('/token', form.toString()))),
        check: async (samples) => {
          for (const sample of samples) await verifiedClaims(readSample(sample), keys, WANTED);
        },
      },
    ],
    stop: () => server.stop(),
  };
}
