// The floor: the least that any durable security token service must do, and nothing else. What is measured is
// compared with it.
//
// exchange: strict form, one ES256 signature verified, one made, one event recorded by a group-committed INSERT
// session:  strict form, the client's secret compared by a keyed digest, one signature made, one event recorded
//
// One client, one key, no policy, no zones, no sessions, no hash chain. Started by candidates/floor.ts.
import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { FLOOR_TABLE, GroupCommit } from './group-commit.js';
import { Es256 } from './jwt.js';
import { readForm } from './strict-form.js';

const ISSUER = 'http://localhost';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const LIFETIME_SECONDS = 3_600;

const secret = process.env['FLOOR_SECRET'] ?? '';
const digestKey = randomBytes(32);
const digest = (text: string): Buffer => createHmac('sha256', digestKey).update(text).digest();
const secretDigest = digest(secret);
const key = new Es256();
const keySet = JSON.stringify({ keys: [key.jwk] });

const client = new pg.Client({ connectionString: process.env['DATABASE_URL'] });
await client.connect();
await client.query(FLOOR_TABLE);
const commits = new GroupCommit(client);

/** Who is asking for what is told by the subject token in an exchange, by the secret otherwise. */
function subjectOf(form: ReadonlyMap<string, string>, now: number): string | null {
  if (form.get('grant_type') === EXCHANGE) {
    return key.verify(form.get('subject_token') ?? '', now)?.sub ?? null;
  }
  const right = timingSafeEqual(digest(form.get('client_secret') ?? ''), secretDigest);
  return right ? (form.get('client_id') ?? null) : null;
}

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}

function issue(body: string, response: ServerResponse): void {
  const form = readForm(body);
  const now = Math.floor(Date.now() / 1_000);
  const sub = form === null ? null : subjectOf(form, now);
  const aud = form?.get('resource');
  const scope = form?.get('scope');
  if (sub === null || aud === undefined || scope === undefined) {
    answer(response, 400, '{"error":"invalid_request"}');
    return;
  }
  const jti = randomUUID();
  const exp = now + LIFETIME_SECONDS;
  const token = key.sign({ iss: ISSUER, sub, aud, scope, iat: now, exp, jti });
  const event = JSON.stringify({ id: jti, outcome: 'issued', sub, aud, scope, exp });
  commits.record({ id: jti, event }, (error) => {
    if (error !== undefined) answer(response, 503, '{"error":"temporarily_unavailable"}');
    else {
      const ok = { access_token: token, token_type: 'Bearer', expires_in: LIFETIME_SECONDS, scope };
      answer(response, 200, JSON.stringify(ok));
    }
  });
}

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    answer(response, 200, keySet);
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => (body += chunk));
  request.on('end', () => issue(body, response));
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit(0));
