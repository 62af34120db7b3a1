import { randomBytes, randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { ALLOW_KEY_SERVER } from '../setup/key-server.js';
import { fragmentOf, openPage } from '../setup/pages.js';
import { startReceiver, type Receiver } from '../setup/receiver.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;
let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
  replica = await startReplica({ env: ALLOW_KEY_SERVER });
  zone = await createTestZone(replica);
});
afterAll(async () => {
  await replica?.stop();
  await receiver?.close();
});

const hex = (bytes: number) => randomBytes(bytes).toString('hex');

/** A caller that traces what it does. */
function newTrace() {
  const [traceId, spanId] = [hex(16), hex(8)];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` };
}

/** The line of a request in the log. */
async function logged(requestId: string): Promise<Record<string, unknown>> {
  const lines = () => replica.logs().filter((line) => line.includes(requestId));
  await expect.poll(lines).toHaveLength(1);
  return JSON.parse(lines()[0] ?? '') as Record<string, unknown>;
}

describe('a request that its caller traces', () => {
  test.each(['/oauth/2/token', '/OAUTH/2/token'])(
    'says so at %s in the answer, in the log and in the audit log, granted or denied',
    async (path) => {
      const { traceId, spanId, traceparent } = newTrace();
      const ask = (scope: string) =>
        fetch(`${replica.url}${path}`, {
          method: 'POST',
          headers: { traceparent, tracestate: 'rojo=1' },
          body: new URLSearchParams({
            grant_type: 'client_credentials',
            client_id: zone.clientId,
            client_secret: zone.secret,
            resource: zone.resource,
            scope,
          }),
        });
      for (const [scope, status] of [
        ['a:read', 200],
        ['nobody:has', 400],
      ] as const) {
        const answer = await ask(scope);
        expect(answer.status).toBe(status);
        // Nothing is recorded here, so the caller's span is the one that all else is below of.
        expect(answer.headers.get('traceparent')).toBe(traceparent);
        const requestId = answer.headers.get('mandate-request-id') ?? '';
        expect(await logged(requestId)).toMatchObject({ trace_id: traceId, span_id: spanId });
        expect(await zone.audit(requestId)).toMatchObject([{ event: { trace_id: traceId } }]);
      }
    },
  );

  test('is found by its trace where decisions are explained, and by its label if it has one', async () => {
    const { traceId, traceparent } = newTrace();
    const { requestId } = await zone.session({}, { traceparent });
    const found = await callAdmin(replica, 'GET', `/decisions/${traceId}`);
    expect(found.body).toMatchObject({ items: [{ request_id: requestId, trace_id: traceId }] });
    const other = newTrace();
    const label = `label-${randomUUID()}`;
    const called = { traceparent: other.traceparent, 'x-request-id': label };
    const second = await zone.session({}, called);
    const byLabel = await callAdmin(replica, 'GET', `/decisions/${label}`);
    expect(byLabel.body).toMatchObject({
      items: [{ request_id: second.requestId, trace_id: other.traceId }],
    });
  });

  test('is named so at other routes, too, and in the audit event of an operator', async () => {
    const { traceId, traceparent } = newTrace();
    const path = `/zones/${zone.zoneId}/clients`;
    const made = await callAdmin(replica, 'POST', path, { name: 'traced' }, { traceparent });
    expect(made.status).toBe(201);
    expect(made.headers.get('traceparent')).toBe(traceparent);
    expect(await logged(made.requestId)).toMatchObject({ trace_id: traceId });
    expect(await zone.audit(made.requestId)).toMatchObject([{ event: { trace_id: traceId } }]);
    for (const url of ['/nowhere', `/zones/${zone.zoneId}/.well-known/jwks.json`, '/health']) {
      const answer = await fetch(`${replica.url}${url}`, { headers: { traceparent } });
      expect(answer.headers.get('traceparent')).toBe(traceparent);
    }
  });
});

describe('a request that nobody traces', () => {
  const { traceId, spanId } = newTrace();

  test.each([
    ['without a header', {}],
    ['with an empty one', { traceparent: '' }],
    ['with one of version ff', { traceparent: `ff-${traceId}-${spanId}-01` }],
    [
      'with one that is too long',
      { traceparent: `00-${traceId}-${spanId}-01-${'x'.repeat(4_000)}` },
    ],
    ['with capitals', { traceparent: `00-${traceId.toUpperCase()}-${spanId}-01` }],
    ['with a trace of nothing', { traceparent: `00-${'0'.repeat(32)}-${spanId}-01` }],
    ['with a statement', { traceparent: `'; DROP TABLE audit_events; --` }],
    ['with a state alone', { tracestate: 'rojo=1' }],
  ])('%s is granted, and no trace is named', async (_how, headers) => {
    const answer = await zone.session({}, headers);
    expect(answer.status).toBe(200);
    expect(answer.headers.has('traceparent')).toBe(false);
    const line = await logged(answer.requestId);
    expect(Object.keys(line).filter((name) => /trace|span/.test(name))).toEqual([]);
    const [row] = await zone.audit(answer.requestId);
    expect(Object.keys(row?.event ?? {})).not.toContain('trace_id');
  });

  test('nor where the header comes twice', async () => {
    const answer = await new Promise<Record<string, unknown>>((resolve, reject) => {
      const request = httpRequest(`${replica.url}/nowhere`, (response) => {
        response.resume();
        resolve(response.headers);
      });
      const one = `00-${traceId}-${spanId}-01`;
      request.setHeader('traceparent', [one, one]);
      request.on('error', reject).end();
    });
    expect(answer['mandate-request-id']).toBeDefined();
    expect(answer).not.toHaveProperty('traceparent');
  });
});

describe('webhooks', () => {
  /** What a webhook of its own has received of one type. */
  async function newWebhook(events: string[]) {
    const path = `/${randomUUID()}`;
    await zone.admin('POST', '/webhooks', { url: `${receiver.url}${path}`, events });
    return async (type: string) => {
      const arrived = () =>
        receiver.received.filter(
          (one) => one.path === path && (JSON.parse(one.body) as { type: string }).type === type,
        );
      await expect.poll(arrived).toHaveLength(1);
      return arrived()[0]?.headers['traceparent'];
    };
  }

  test('are told of a challenge in the trace of the request that opened it, to its end', async () => {
    await zone.activate(APPROVE_WRITES);
    const traceOf = await newWebhook(['challenge.created', 'challenge.approved']);
    const { traceparent } = newTrace();
    const held = heldIn(await zone.session({ scope: 'a:write' }, { traceparent }));
    expect(await traceOf('challenge.created')).toBe(traceparent);
    await zone.admin('POST', `/challenges/${held.id}/decision`, {
      decision: 'approved',
      reason: 'known',
    });
    expect(await traceOf('challenge.approved')).toBe(traceparent);
  });

  test('are told that a challenge was reported in the same trace', async () => {
    await zone.activate(APPROVE_WRITES.replace('"approval"', '"mfa"'));
    const traceOf = await newWebhook(['challenge.reported']);
    const { traceparent } = newTrace();
    const { id, confirmUri } = heldIn(await zone.session({ scope: 'a:write' }, { traceparent }));
    const fields = { link: fragmentOf(confirmUri), decision: 'not_me' };
    expect((await openPage(replica, `/step-up/${id}/confirm`, fields)).status).toBe(200);
    expect(await traceOf('challenge.reported')).toBe(traceparent);
  });

  test('are told of a revocation in the trace of the operator, and of what nobody traced in none', async () => {
    const traceOf = await newWebhook(['revocation.ordered', 'client.disabled']);
    const { clientId } = await zone.newClient();
    const { traceparent } = newTrace();
    const path = `/zones/${zone.zoneId}/revocations`;
    const order = { target: { client_id: clientId }, reason: 'lost' };
    const ordered = await callAdmin(replica, 'POST', path, order, { traceparent });
    expect([ordered.status, ordered.body]).toMatchObject([
      expect.any(Number),
      { id: expect.any(String) },
    ]);
    expect(await traceOf('revocation.ordered')).toBe(traceparent);
    await zone.admin('PATCH', `/clients/${clientId}`, { disabled: true });
    expect(await traceOf('client.disabled')).toBeUndefined();
    const stored = await rows(
      replica.databaseUrl,
      'SELECT event_type, traceparent FROM webhook_deliveries WHERE event_type = $1',
      ['client.disabled'],
    );
    expect(stored).toMatchObject([{ traceparent: null }]);
  });
});
