import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applicationOf, tokenOf, type TestApplication } from '../setup/agents.js';
import { startFakeRedis, type FakeRedis } from '../setup/fake-redis.js';
import { createDatabase, rows, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { readAsGateway, STREAM, STREAMS_KEY, type Marked } from '../setup/revocations.js';
import { newWorkloadIssuer, postToZone, workloadRequest } from '../setup/workloads.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

const MEMBERS = {
  sessions: 'session_id',
  agents: 'agent_session_id',
  edges: 'delegation_edge_id',
} as const;

let redis: FakeRedis;
let database: string;
let replicas: [Replica, Replica];
let zone: TestZone;
let a: TestApplication;
let b: TestApplication;
let c: TestApplication;

beforeAll(async () => {
  redis = await startFakeRedis();
  database = await createDatabase();
  const env = { REDIS_URL: redis.url, STREAMS_HMAC_KEY: STREAMS_KEY };
  replicas = [
    await startReplica({ databaseUrl: database, env }),
    await startReplica({ databaseUrl: database, env }),
  ];
  zone = await createTestZone(replicas[0]);
  a = await applicationOf(zone, zone);
  b = await applicationOf(zone);
  c = await applicationOf(zone);
});
afterAll(async () => {
  await Promise.all((replicas ?? []).map((replica) => replica.stop()));
  await redis?.stop();
});

const marked = (): Marked => readAsGateway(redis.entries(STREAM));

/** Waits until a gateway has marked all of these, and says how often each was put into the outbox. */
async function untilMarked(kind: keyof Marked, ids: readonly string[]): Promise<number[]> {
  await expect
    .poll(() => {
      const known = new Set(marked()[kind]);
      return ids.filter((id) => !known.has(id)).length;
    })
    .toBe(0);
  // What is sent again is the same one.
  const outboxIds = new Map<string, Set<string>>();
  for (const entry of redis.entries(STREAM)) {
    const ended = entry[MEMBERS[kind]] ?? '';
    outboxIds.set(ended, (outboxIds.get(ended) ?? new Set()).add(entry['outbox_id'] ?? ''));
  }
  return ids.map((id) => outboxIds.get(id)?.size ?? 0);
}

/** Waits until nothing is to be sent any more. */
const untilAllSent = () =>
  expect
    .poll(async () => (await rows(database, 'SELECT 1 FROM revocation_outbox LIMIT 1')).length)
    .toBe(0);

const claims = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >;

const remove = async (path: string, of = zone) => {
  const answer = await persistently(() =>
    callAdmin(of.replica, 'DELETE', `/zones/${of.zoneId}${path}`),
  );
  expect(answer.status).toBeLessThan(300);
};

/** An accepted delegation to a new agent session of another application. */
async function delegated(from: TestApplication, source: string, to: TestApplication) {
  const target = await to.open();
  const edge = await from.delegate(source, target);
  await to.accept(edge);
  return { target, edge };
}

/** Sessions in a zone, by SQL. @returns their ids */
async function manySessions(
  of: TestZone,
  clientId: string,
  many: number,
  issuer: string | null = null,
) {
  const found = await rows<{ id: string }>(
    database,
    `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, issuer, expires_at)
     SELECT $1, n.id, n.id, $2, 'many', $3, clock_timestamp() + interval '1 hour'
       FROM (SELECT new_uuid_v7() AS id FROM generate_series(1, $4)) AS n RETURNING id`,
    [of.zoneId, clientId, issuer, many],
  );
  return found.map(({ id }) => id);
}

describe('gateways are told', () => {
  test('of a session that an operator ends, in an entry that they can verify, and once', async () => {
    const { sid, root_sid: root } = claims(tokenOf(await persistently(() => zone.session())));
    expect(root).toBe(sid);
    await remove(`/sessions/${String(sid)}`);
    expect(await untilMarked('sessions', [String(sid)])).toEqual([1]);
    const entry = redis.entries(STREAM).find((one) => one['session_id'] === sid);
    expect(Object.keys(entry ?? {}).toSorted()).toEqual([
      '_sig',
      'outbox_id',
      'reason',
      'session_id',
      'zone_id',
    ]);
    expect(entry).toMatchObject({ zone_id: zone.zoneId, reason: 'session_ended' });
    expect(readAsGateway([entry ?? {}], 'ff'.repeat(32)).sessions).toEqual([]);
    expect(redis.bounds(STREAM)).toEqual(['MAXLEN ~ 100000']);
    // Ending it again ends nothing.
    await remove(`/sessions/${String(sid)}`);
    await untilAllSent();
    expect(await untilMarked('sessions', [String(sid)])).toEqual([1]);
  });

  test('of all agent sessions and delegations that rest on a session', async () => {
    const token = await a.bearer();
    const opened = await a.call('POST', '/agent-sessions', { lifecycle: 'task' }, { token });
    const source = String(opened.body['id']);
    const first = await delegated(a, source, b);
    const second = await delegated(b, first.target, c);
    const offered = await b.delegate(first.target, await c.open());
    await remove(`/sessions/${String(claims(token)['sid'])}`);
    await untilMarked('agents', [source]);
    await untilMarked('edges', [first.edge, second.edge]);
    await untilAllSent();
    // They are alive, though not by these delegations; and what was never accepted carries no mandate.
    expect(marked().agents).not.toContain(first.target);
    expect(marked().edges).not.toContain(offered);
  });

  test('of what applications end themselves: an agent session with those below, a delegation with all after it', async () => {
    const parent = await a.open();
    const child = await a.open({ parent_id: parent });
    const grandchild = await a.open({ parent_id: child });
    const other = await a.open();
    const first = await delegated(a, grandchild, b);
    const second = await delegated(b, first.target, c);
    await delegated(a, other, b);
    expect((await b.call('DELETE', `/delegations/${second.edge}`)).status).toBe(204);
    await untilMarked('edges', [second.edge]);
    expect(marked().edges).not.toContain(first.edge);
    expect((await a.call('DELETE', `/agent-sessions/${parent}`)).status).toBe(204);
    expect(await untilMarked('agents', [parent, child, grandchild])).toEqual([1, 1, 1]);
    expect(await untilMarked('edges', [first.edge])).toEqual([1]);
    await untilAllSent();
    expect(await untilMarked('edges', [second.edge])).toEqual([1]);
    expect(marked().agents).not.toContain(other);
  });

  test('of what a disabled client has, the newest first, however much it is', async () => {
    const doomed = await zone.newClient();
    const ids = await manySessions(zone, doomed.clientId, 4_500);
    await zone.admin('PATCH', `/clients/${doomed.clientId}`, { disabled: true });
    await untilMarked('sessions', ids);
    const ours = new Set(ids);
    const order = marked().sessions.filter((id) => ours.has(id));
    const newest = ids.toSorted().slice(-500);
    expect(Math.max(...newest.map((id) => order.indexOf(id)))).toBeLessThan(2_500);
    await untilAllSent();
  });

  test.each([20, 1_200])(
    'of what goes with a client, an issuer or a zone that is removed: %i sessions',
    async (many) => {
      const doomed = await createTestZone(replicas[0]);
      const client = await doomed.newClient();
      const issuer = `https://${randomUUID()}.example`;
      const trusted = await doomed.admin('POST', '/issuers', {
        issuer,
        jwks: {
          keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }],
        },
        audiences: ['https://mandate.example'],
        algorithms: ['EdDSA'],
        token_types: ['jwt'],
      });
      const ofClient = await manySessions(doomed, client.clientId, many);
      const ofIssuer = await manySessions(doomed, doomed.clientId, many, issuer);
      const ofZone = await manySessions(doomed, doomed.clientId, many);
      await remove(`/clients/${client.clientId}`, doomed);
      await remove(`/issuers/${String(trusted['id'])}`, doomed);
      await untilMarked('sessions', [...ofClient, ...ofIssuer]);
      await remove('', doomed);
      expect(new Set(await untilMarked('sessions', [...ofClient, ...ofIssuer, ...ofZone]))).toEqual(
        new Set([1]),
      );
    },
  );

  test('of the sessions of a workload that is taken from its client, however many, and with its issuer', async () => {
    const issuer = await newWorkloadIssuer(zone);
    const of = (subject: string) => ({ issuer: issuer.name, subject });
    const { clientId } = await zone.newClient({
      federated_identities: [of('taken'), of('stays')],
    });
    const open = async (subject: string): Promise<string> => {
      const token = await issuer.token(subject);
      const answer = await persistently(() =>
        postToZone(replicas[0].url, zone.zoneId, workloadRequest(token)),
      );
      return String(claims(tokenOf(answer))['sid']);
    };
    const [taken, stays] = [await open('taken'), await open('stays')];
    // More than is found at once.
    const many = await manySessions(zone, clientId, 2_500);
    await rows(
      database,
      `UPDATE sessions s SET federated_identity_id = t.federated_identity_id
         FROM sessions t WHERE t.zone_id = s.zone_id AND t.id = $1 AND s.zone_id = $3 AND s.client_id = $2 AND s.subject = 'many'`,
      [taken, clientId, zone.zoneId],
    );
    await zone.admin('PATCH', `/clients/${clientId}`, { federated_identities: [of('stays')] });
    await untilMarked('sessions', [taken, ...many]);
    await untilAllSent();
    expect(marked().sessions).not.toContain(stays);
    await remove(`/issuers/${issuer.id}`);
    expect(await untilMarked('sessions', [stays])).toEqual([1]);
  });

  test('by one of two replicas, not by both', async () => {
    const client = await zone.newClient();
    const ids = await manySessions(zone, client.clientId, 900);
    await rows(
      database,
      'UPDATE sessions SET ended_at = clock_timestamp() WHERE zone_id = $1 AND client_id = $2',
      [zone.zoneId, client.clientId],
    );
    await untilMarked('sessions', ids);
    await untilAllSent();
    // A round that a busy machine answers too late is sent again, which is 200 at most.
    const ours = new Set(ids);
    const times = marked().sessions.filter((id) => ours.has(id)).length;
    expect(times).toBeLessThan(1_800);
  });
});
