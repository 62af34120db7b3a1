import { describeAnswer, errorOf, isGranted, type Answer } from '../answer.js';
import type { Server } from '../server.js';
import { issuerToken, otherKey } from '../tokens.js';
import { applies, Blocked, must } from '../verdict.js';
import { UNKNOWN } from '../vocabulary.js';
import type { Check } from './check.js';
import { mustBeGranted, mustBeRefused } from './refusal.js';

/** RFC 7523 2.1, 3 and 3.1: JWTs as authorization grants, of servers that know the grant. */
export const RFC7523_GRANT = {
  'rfc7523-2.1-grant': async (server) => {
    mustBeGranted(await usual(server), 'a valid JWT');
  },
  'rfc7523-3-grant-subject': async (server) => {
    mustBeRefused(await differing(server, { sub: undefined }), 'without sub');
  },
  'rfc7523-3-grant-audience': async (server) => {
    mustBeRefused(await differing(server, { aud: undefined }), 'without aud');
    mustBeRefused(await differing(server, { aud: UNKNOWN.issuer }), 'with another aud');
  },
  'rfc7523-3-grant-expired': async (server) => {
    const now = Math.floor(Date.now() / 1_000);
    const times = { iat: now - 7_200, exp: now - 3_600 };
    mustBeRefused(await differing(server, times), 'an hour after exp');
  },
  'rfc7523-3-grant-signature': async (server) => {
    mustBeRefused(await differing(server, {}, true), 'signed with another key');
  },
  'rfc7523-3.1-invalid-grant': async (server) => {
    await server.granted();
    const answer = await server.noJwtAsGrant();
    const error = errorOf(answer);
    applies(error !== 'unauthorized_client', 'the client may not use this grant');
    must(error === 'invalid_grant', `what is no JWT: ${describeAnswer(answer)}, not invalid_grant`);
  },
} satisfies Record<string, Check>;

function issuerOf({ configuration: { trusted_issuer: issuer } }: Server) {
  if (issuer === undefined) throw new Error('no trusted issuer is configured');
  return issuer;
}

function usual(server: Server): Promise<Answer> {
  return server.once('JWT as grant', async () =>
    server.jwtGrant(await issuerToken(issuerOf(server))),
  );
}

/** The answer to a JWT that differs from one that was taken. */
async function differing(
  server: Server,
  changes: Readonly<Record<string, unknown>>,
  byOtherKey = false,
): Promise<Answer> {
  const good = await usual(server);
  if (!isGranted(good)) throw new Blocked(`a valid JWT as grant: ${describeAnswer(good)}`);
  const issuer = issuerOf(server);
  const key = byOtherKey ? await otherKey(issuer.private_key) : issuer.private_key;
  return server.jwtGrant(await issuerToken(issuer, changes, key));
}
