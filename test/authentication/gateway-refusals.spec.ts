import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applicationOf, type TestApplication } from '../setup/agents.js';
import { gatewayHeaders, newGatewayKey } from '../setup/gateway.js';
import { APPROVE_WRITES } from '../setup/challenges.js';
import { auditOf, startReplica, type Replica } from '../setup/harness.js';
import { ALLOW_KEY_SERVER, startKeyServer, type KeyServer } from '../setup/key-server.js';
import { lockTable } from '../setup/locks.js';
import { persistently } from '../setup/patience.js';
import { metric } from '../setup/policies.js';
import { sendRawForm } from '../setup/raw-form.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  TOKEN_EXCHANGE,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const KEY = newGatewayKey();
const PLACES = 8;
const JWT = 'urn:ietf:params:oauth:token-type:jwt';

let replica: Replica;
let zone: TestZone;
let app: TestApplication;
let keys: KeyServer;

beforeAll(async () => {
  keys = await startKeyServer();
  // Who waits for these waits until the deadline.
  keys.publish(() => {});
  const env = {
    GATEWAY_HMAC_KEY: KEY,
    MAX_REQUESTS_IN_FLIGHT: String(PLACES),
    TRUST_PROXY: '1',
    ...ALLOW_KEY_SERVER,
  };
  replica = await startReplica({ env });
  zone = await createTestZone(replica);
  app = await applicationOf(zone, zone);
});

afterAll(async () => {
  await replica?.stop();
  await keys?.close();
});

function formOf(parameters: Parameters): string {
  const form = new URLSearchParams();
  const all: Parameters = {
    grant_type: TOKEN_EXCHANGE,
    client_id: zone.clientId,
    subject_token_type: ACCESS_TOKEN,
    resource: zone.resource,
    ...parameters,
  };
  for (const [name, value] of Object.entries(all)) {
    for (const one of value === undefined ? [] : [value].flat()) form.append(name, one);
  }
  return form.toString();
}

/** An exchange that a gateway signs. */
function throughGateway(
  parameters: Parameters,
  headers: Record<string, string> = {},
  path = '/oauth/2/token',
): Promise<Answer> {
  const body = formOf(parameters);
  return sendRawForm(replica.url, {
    path,
    body,
    headers: { ...gatewayHeaders({ key: KEY, body, path }), ...headers },
  });
}

/** The same exchange by the client itself. */
function directly(
  parameters: Parameters,
  headers: Record<string, string> = {},
  path = '/oauth/2/token',
): Promise<Answer> {
  return sendRawForm(replica.url, {
    path,
    body: formOf({ client_secret: zone.secret, ...parameters }),
    headers,
  });
}

const ended = async (token: string) => {
  await zone.admin('DELETE', `/sessions/${String(decodeJwt(token)['sid'])}`);
};

describe('authority that is dead', () => {
  const session = (parameters: Parameters = {}) => app.bearer(parameters);

  const cases: Record<string, [error: string, make: () => Promise<Parameters>]> = {
    'a token whose session has ended': [
      'invalid_grant',
      async () => {
        const subject_token = await session();
        await ended(subject_token);
        return { subject_token };
      },
    ],
    'a token that is revoked': [
      'invalid_request',
      async () => {
        const subject_token = await session();
        await zone.admin('POST', '/revocations', { jti: decodeJwt(subject_token)['jti'] });
        return { subject_token };
      },
    ],
    'a token that has expired': [
      'invalid_request',
      async () => {
        const subject_token = await session({ ttl_seconds: '1' });
        const { exp = 0 } = decodeJwt(subject_token);
        await expect.poll(() => Date.now() / 1_000).toBeGreaterThan(exp + 1);
        return { subject_token };
      },
    ],
    'what is no token': ['invalid_request', async () => ({ subject_token: 'x' })],
    'a token that nobody has signed': [
      'invalid_request',
      async () => ({ subject_token: `${(await session()).slice(0, -8)}AAAAAAAA` }),
    ],
    'a token of no issuer that the zone trusts': [
      'invalid_request',
      async () => ({
        subject_token: 'e30.eyJpc3MiOiJodHRwczovL3gifQ.AAAA',
        subject_token_type: JWT,
      }),
    ],
    'a session that there is not': [
      'invalid_grant',
      async () => ({ subject_token: await session(), session_id: randomUUID() }),
    ],
    'an agent session that has ended': [
      'invalid_grant',
      async () => {
        const agent = await app.open();
        await app.call('DELETE', `/agent-sessions/${agent}`);
        return { subject_token: await session(), agent_session_id: agent };
      },
    ],
    'a delegation that is revoked': [
      'invalid_grant',
      async () => {
        const [source, target] = [await app.open(), await app.open()];
        const edge = await app.delegate(source, target);
        const names = { agent_session_id: target, delegation_edge_id: edge };
        await app.call('DELETE', `/delegations/${edge}`);
        return { subject_token: await session(), ...names };
      },
    ],
  };

  test.each(Object.entries(cases))(
    'is 401 invalid_token for a gateway, and not for the client itself: %s',
    async (_name, [error, make]) => {
      const parameters = { scope: 'shared', ...(await make()) };
      const signed = await persistently(() => throughGateway(parameters));
      expect([signed.status, signed.body['error']]).toEqual([401, 'invalid_token']);
      expect(signed.headers.get('www-authenticate')).toBe(
        'Bearer realm="mandate", error="invalid_token"',
      );
      const [event, ...more] = await auditOf(replica.databaseUrl, signed.requestId);
      expect(event).toMatchObject({
        outcome: 'denied',
        event: { error: 'invalid_token', reason: expect.any(String) },
      });
      expect(more).toEqual([]);
      const own = await persistently(() => directly(parameters));
      expect([own.status, own.body['error']]).toEqual([400, error]);
      expect(own.headers.get('www-authenticate')).toBe(null);
      expect(own.body['error_description']).toBe(signed.body['error_description']);
    },
  );

  test('is told from what a new token would not help with', async () => {
    const subject_token = await session();
    const other = await applicationOf(zone);
    const wrong: [string, Parameters, number, string][] = [
      ['of another client', { subject_token: await other.bearer() }, 400, 'invalid_request'],
      ['no token at all', {}, 400, 'invalid_request'],
      [
        'a dead actor',
        { subject_token, actor_token: 'x', actor_token_type: ACCESS_TOKEN },
        400,
        'invalid_request',
      ],
      ['no such resource', { subject_token, resource: 'resource://none' }, 400, 'invalid_target'],
      ['too much', { subject_token, scope: 'a:write' }, 400, 'invalid_scope'],
    ];
    for (const [name, parameters, status, error] of wrong) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await persistently(() => throughGateway(parameters));
      expect([name, answer.status, answer.body['error']]).toEqual([name, status, error]);
    }
    expect((await persistently(() => throughGateway({ subject_token }))).status).toBe(200);
  });

  test('is so as well where it dies while the request waits for somebody to confirm it', async () => {
    const held = await createTestZone(replica);
    const token = String(
      (await persistently(() => held.session({ scope: 'a:read a:write' }))).body['access_token'],
    );
    await held.activate(APPROVE_WRITES);
    const waits = { client_id: held.clientId, subject_token: token, scope: 'a:write' };
    const alive = await persistently(() => throughGateway(waits));
    expect([alive.status, alive.body['error']]).toEqual([401, 'interaction_required']);
    await held.admin('DELETE', `/sessions/${String(decodeJwt(token)['sid'])}`);
    const answer = await persistently(() => throughGateway(waits));
    expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_token']);
  });
});

describe('a server that cannot answer now', () => {
  const word = ({ status, body, headers }: Answer) => [
    status,
    body['error'],
    headers.get('retry-after'),
  ];
  const OURS = [503, 'temporarily_unavailable', '1'];
  const THEIRS = [503, 'sts_unavailable', '1'];

  test('says so to a gateway in its own word: when there is no place left', async () => {
    const unlock = await lockTable(replica.databaseUrl, 'challenges');
    try {
      const waiting = Array.from({ length: PLACES }, (_, n) =>
        fetch(`${replica.url}/step-up/${randomUUID()}`, {
          headers: { 'x-forwarded-for': `192.0.2.${n}` },
        }),
      );
      await expect
        .poll(() => metric(replica, 'mandate_requests_in_flight', { lane: 'work' }))
        .toBe(PLACES);
      expect(word(await throughGateway({ subject_token: 'x' }))).toEqual(THEIRS);
      expect(word(await directly({ subject_token: 'x' }))).toEqual(OURS);
      await unlock();
      await Promise.all(waiting);
    } finally {
      await unlock();
    }
  });

  test('when what it needs of the database does not come', async () => {
    const subject_token = await app.bearer();
    const unlock = await lockTable(replica.databaseUrl, 'audit_events');
    try {
      expect(word(await throughGateway({ subject_token, scope: 'shared' }))).toEqual(THEIRS);
      expect(word(await directly({ subject_token, scope: 'shared' }))).toEqual(OURS);
    } finally {
      await unlock();
    }
  });

  test.each([
    ['of the route in front of the framework', '/oauth/2/token'],
    ['of the framework', '/OAuth/2/token'],
    ['of the endpoint of a zone', '/zones/{zone}/oauth/2/token'],
  ])('when the deadline has passed %s', async (_name, template) => {
    const stuck = await createTestZone(replica);
    const path = template.replace('{zone}', stuck.zoneId);
    const issuer = `https://${randomUUID()}.example`;
    const trusted = { issuer, jwks_uri: keys.url, audiences: ['us'], token_types: ['jwt'] };
    await stuck.admin('POST', '/issuers', trusted);
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const subject_token = [
      part({ alg: 'ES256', kid: 'k', typ: 'JWT' }),
      part({ iss: issuer, sub: 'u', aud: 'us', exp: 9_999_999_999 }),
      'A'.repeat(86),
    ].join('.');
    const asked = {
      client_id: stuck.clientId,
      subject_token,
      subject_token_type: JWT,
      scope: 'a:read',
    };
    expect(word(await throughGateway(asked, {}, path))).toEqual(THEIRS);
    const own = { ...asked, client_secret: stuck.secret };
    expect(word(await directly(own, {}, path))).toEqual(OURS);
  });
});
