import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { freePort } from '../setup/free-port.js';
import { startReplica, startReplicaForTest, type Replica } from '../setup/harness.js';
import { ALLOW_KEY_SERVER } from '../setup/key-server.js';
import { startOtlpReceiver, type OtlpReceiver, type Span } from '../setup/otlp-receiver.js';
import { persistently } from '../setup/patience.js';
import { startReceiver, type Receiver } from '../setup/receiver.js';
import { until } from '../setup/process.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

/** Milliseconds between two exports. */
const SOON = { OTEL_BSP_SCHEDULE_DELAY: '50' };

let collector: OtlpReceiver;
let receiver: Receiver;
let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  [collector, receiver] = await Promise.all([startOtlpReceiver(), startReceiver()]);
  replica = await startReplica({
    env: {
      ...ALLOW_KEY_SERVER,
      ...SOON,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=of the collector',
      OTEL_SERVICE_NAME: 'mandate-test',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.version=theirs',
    },
  });
  zone = await createTestZone(replica);
});
afterAll(async () => {
  await replica?.stop();
  await Promise.all([collector?.close(), receiver?.close()]);
});

const hex = (bytes: number) => randomBytes(bytes).toString('hex');

/** A caller that traces what it does. */
function newTrace(flags = '01') {
  const [traceId, spanId] = [hex(16), hex(8)];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` };
}

const spansOf = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);

/** The spans of a trace, once one of them is there that has a name: a span is exported after those below it. */
async function traceUntil(traceId: string, name: string): Promise<Span[]> {
  const names = () => spansOf(traceId).map((span) => span.name);
  await expect.poll(names).toContain(name);
  return spansOf(traceId);
}

function named(spans: readonly Span[], name: string): Span {
  const found = spans.filter((span) => span.name === name);
  expect(found.map((span) => span.name)).toEqual([name]);
  return found[0] as Span;
}

const SERVER = 'POST /oauth/2/token';

/** The stages of an exchange, as docs/exchange.md has them. */
const STAGES =
  'parse identify authenticate limit resolve bind delegate target authorize clear mint record'.split(
    ' ',
  );

test('an exchange is a trace below its caller, with each stage and what it does', async () => {
  const { traceId, spanId, traceparent } = newTrace();
  const subject = String((await zone.session()).body['access_token']);
  const answer = await zone.exchange(
    { subject_token: subject },
    { traceparent, tracestate: 'rojo=1' },
  );
  expect(answer.status).toBe(200);
  const spans = await traceUntil(traceId, SERVER);
  const server = named(spans, SERVER);
  expect(server).toMatchObject({ parentSpanId: spanId, kind: 2, status: 0 });
  expect(server.attributes).toEqual({
    'http.request.method': 'POST',
    'http.route': '/oauth/2/token',
    'http.response.status_code': 200,
    'mandate.request_id': answer.requestId,
    'mandate.zone': zone.zoneId,
    'mandate.client': zone.clientId,
    'mandate.caller': 'client',
  });
  const stages = spans.filter((span) => span.parentSpanId === server.spanId);
  expect(stages.map(({ name }) => name).filter((name) => name.startsWith('exchange '))).toEqual(
    STAGES.map((stage) => `exchange ${stage}`),
  );
  for (const [name, stage, attributes] of [
    ['policy decide', 'authorize', { 'mandate.policy.decisions': ['allow'] }],
    ['key sign', 'mint', { 'mandate.key.alg': 'ES256' }],
    ['ledger commit', 'record', { 'mandate.ledger.status': 'recorded' }],
  ] as const) {
    const span = named(spans, name);
    expect(span.attributes).toMatchObject(attributes);
    expect(span.parentSpanId).toBe(named(spans, `exchange ${stage}`).spanId);
  }
  // Nothing hangs in the air.
  const ids = new Set(spans.map((span) => span.spanId));
  expect(spans.filter((span) => !ids.has(span.parentSpanId))).toEqual([server]);
  expect(answer.headers.get('traceparent')).toBe(`00-${traceId}-${server.spanId}-01`);
  expect(await zone.audit(answer.requestId)).toMatchObject([{ event: { trace_id: traceId } }]);
  const line = () => replica.logs().find((text) => text.includes(answer.requestId)) ?? '';
  await expect.poll(line).not.toBe('');
  expect(JSON.parse(line())).toMatchObject({ trace_id: traceId, span_id: server.spanId });
});

test('who has sent a span, and with what, is as the standard variables say', async () => {
  const { traceId, traceparent } = newTrace();
  await zone.session({}, { traceparent });
  const [span] = await traceUntil(traceId, SERVER);
  expect(span?.resource).toMatchObject({
    'service.name': 'mandate-test',
    'service.version': 'theirs',
    'deployment.environment.name': 'test',
    'service.instance.id': expect.any(String),
  });
  expect(collector.headers.at(-1)).toMatchObject({
    'x-key': 'of the collector',
    'content-type': 'application/x-protobuf',
  });
});

test('what nobody traces begins a trace of its own, and probes none', async () => {
  const answer = await zone.session();
  const [, traceId = ''] = (answer.headers.get('traceparent') ?? '').split('-');
  expect(named(await traceUntil(traceId, SERVER), SERVER).parentSpanId).toBe('');
  for (const path of ['/health', '/ready', '/metrics']) {
    const probe = await fetch(`${replica.url}${path}`);
    expect(probe.headers.has('traceparent')).toBe(false);
  }
  const next = newTrace();
  await zone.session({}, { traceparent: next.traceparent });
  await traceUntil(next.traceId, SERVER);
  expect(collector.spans.filter(({ name }) => /health|ready|metrics/.test(name))).toEqual([]);
});

test('statements of operators and what the framework answers are below their request', async () => {
  const { traceId, traceparent } = newTrace();
  const path = `/zones/${zone.zoneId}`;
  const looked = await callAdmin(replica, 'GET', path, undefined, { traceparent });
  expect(looked.status).toBe(200);
  const spans = await traceUntil(traceId, 'GET /internal/zones/:zone');
  const server = named(spans, 'GET /internal/zones/:zone');
  expect(server.attributes).toMatchObject({
    'mandate.caller': 'operator',
    'mandate.zone': zone.zoneId,
  });
  const statement = spans.find(({ attributes }) => attributes['db.system.name'] === 'postgresql');
  expect(statement).toMatchObject({
    name: 'SELECT zones',
    kind: 3,
    parentSpanId: server.spanId,
    attributes: { 'db.operation.name': 'SELECT', 'db.query.summary': 'SELECT zones' },
  });
});

test('a denial says why, and is no failure', async () => {
  await zone.activate('@id("none") forbid (principal, action, resource);');
  const { traceId, traceparent } = newTrace();
  const answer = await zone.session({}, { traceparent });
  await zone.activate(
    '@id("all") permit (principal, action == Action::"TokenExchange", resource);',
  );
  expect([answer.status, answer.body['error']]).toEqual([403, 'access_denied']);
  const spans = await traceUntil(traceId, SERVER);
  expect(named(spans, SERVER)).toMatchObject({
    status: 0,
    attributes: { 'http.response.status_code': 403, 'mandate.error': 'access_denied' },
  });
  const authorize = named(spans, 'exchange authorize');
  expect(authorize).toMatchObject({ status: 0, attributes: { 'mandate.error': 'access_denied' } });
  expect(named(spans, 'policy decide').attributes['mandate.policy.decisions']).toEqual(['deny']);
  expect(spans.every(({ attributes }) => !('error.type' in attributes))).toBe(true);
  // The denial is recorded as well.
  expect(named(spans, 'ledger commit').parentSpanId).toBe(named(spans, SERVER).spanId);
});

test('what its caller does not record is not recorded, and goes on as such', async () => {
  const out = newTrace('00');
  const answer = await zone.session({}, { traceparent: out.traceparent });
  const [, traceId, spanId, flags] = (answer.headers.get('traceparent') ?? '').split('-');
  expect([traceId, flags]).toEqual([out.traceId, '00']);
  expect(spanId).not.toBe(out.spanId);
  const next = newTrace();
  await zone.session({}, { traceparent: next.traceparent });
  await traceUntil(next.traceId, SERVER);
  expect(spansOf(out.traceId)).toEqual([]);
});

test('a webhook is told in the trace of what it is told of', async () => {
  const path = `/${randomUUID()}`;
  await zone.admin('POST', '/webhooks', {
    url: `${receiver.url}${path}`,
    events: ['challenge.created'],
  });
  await zone.activate(APPROVE_WRITES);
  const { traceId, traceparent } = newTrace();
  heldIn(await zone.session({ scope: 'a:write' }, { traceparent }));
  const arrived = () => receiver.received.filter((one) => one.path === path);
  await expect.poll(arrived).toHaveLength(1);
  const spans = await traceUntil(traceId, 'webhook deliver');
  const delivery = named(spans, 'webhook deliver');
  expect(delivery).toMatchObject({
    parentSpanId: named(await traceUntil(traceId, SERVER), SERVER).spanId,
    attributes: { 'mandate.webhook.event_type': 'challenge.created', 'mandate.webhook.attempt': 1 },
  });
  const sent = named(spans, 'POST');
  const { hostname, port } = new URL(receiver.url);
  expect(sent).toMatchObject({
    kind: 3,
    parentSpanId: delivery.spanId,
    attributes: {
      'http.response.status_code': 204,
      'server.address': hostname,
      'server.port': Number(port),
    },
  });
  expect(arrived()[0]?.headers['traceparent']).toBe(`00-${traceId}-${sent.spanId}-01`);
});

test('no secret, no token and nothing of a subject is in a span', async () => {
  const { traceId, traceparent } = newTrace();
  const subject = String((await zone.session()).body['access_token']);
  const answer = await zone.exchange({ subject_token: subject }, { traceparent });
  await zone.session({ client_secret: 'a wrong guess' }, { traceparent });
  await fetch(`${replica.url}/step-up/a-secret-path?token=a-secret`, { headers: { traceparent } });
  await traceUntil(traceId, 'GET /step-up/:id');
  const sent = Buffer.concat(collector.bodies).toString('latin1');
  expect(sent).toContain(zone.clientId);
  const secrets = [
    zone.secret,
    subject,
    String(answer.body['access_token']),
    'a wrong guess',
    'a-secret',
  ];
  for (const secret of [...secrets, replica.adminToken]) expect(sent).not.toContain(secret);
});

test('each of several workers exports what it has done, as an instance of its own', async () => {
  const own = await startReplicaForTest({
    env: { ...SOON, WORKERS: '2', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  });
  const there = await createTestZone(own);
  const instances = new Set<unknown>();
  await until(async () => {
    const { traceId, spanId, traceparent } = newTrace();
    // A connection of its own: they come to the workers in turn.
    const answer = await there.session({}, { traceparent, connection: 'close' });
    expect(answer.status).toBe(200);
    const spans = await traceUntil(traceId, SERVER);
    const server = named(spans, SERVER);
    expect(server.parentSpanId).toBe(spanId);
    named(spans, 'ledger commit');
    const ids = new Set(spans.map((span) => span.spanId));
    expect(spans.filter((span) => !ids.has(span.parentSpanId))).toEqual([server]);
    const of = new Set(spans.map(({ resource }) => resource['service.instance.id']));
    expect(of.size).toBe(1);
    for (const one of of) instances.add(one);
    return instances.size === 2;
  });
});

describe('a collector', () => {
  test('that is away is told of once, and nothing else is different', async () => {
    const own = await startReplicaForTest({
      env: {
        ...SOON,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${await freePort()}/v1/traces`,
        OTEL_EXPORTER_OTLP_TIMEOUT: '200',
      },
    });
    const there = await createTestZone(own);
    const told = () => own.logs().filter((line) => line.includes('traces cannot be exported'));
    await expect.poll(told).toHaveLength(1);
    for (let n = 0; n < 20; n += 1) {
      expect((await persistently(() => there.session())).status).toBe(200);
    }
    expect(told()).toHaveLength(1);
    // What a busy machine is slow with may be told of as well.
    const others = own.logs().filter((line) => !told().includes(line));
    expect(others.filter((line) => /"level":"error"|"level":"warn".*export/.test(line))).toEqual(
      [],
    );
    expect(await own.stop()).toBe(0);
  });

  test('gets what is left when the server stops', async () => {
    const late = await startOtlpReceiver();
    onTestFinished(() => late.close());
    const own = await startReplicaForTest({
      env: { OTEL_BSP_SCHEDULE_DELAY: '600000', OTEL_EXPORTER_OTLP_ENDPOINT: late.url },
    });
    const answer = await fetch(`${own.url}/nowhere`);
    expect(answer.status).toBe(404);
    expect(late.spans).toEqual([]);
    expect(await own.stop()).toBe(0);
    expect(late.spans.map(({ name }) => name)).toEqual(['GET']);
  });
});
