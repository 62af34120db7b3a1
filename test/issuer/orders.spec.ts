import { randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applicationOf, tokenOf } from '../setup/agents.js';
import { rows, sharedReplica, withClient, type Replica } from '../setup/harness.js';
import { order } from '../setup/orders.js';
import { keyOf, newVerifier } from '../setup/feed.js';
import { introspectAll } from '../setup/introspection.js';
import { persistently } from '../setup/patience.js';
import { newTrustedIssuer, type TestIssuer } from '../setup/trusted-issuers.js';
import { PERMIT_ALL } from '../setup/zone.js';
import { until } from '../setup/process.js';
import { exchangeAs } from '../setup/services.js';
import { callAdmin, createTestZone, type Answer, type TestZone } from '../setup/zone.js';

let replica: Replica;
let second: Replica;
let zone: TestZone;

beforeAll(async () => {
  [replica, second] = await Promise.all([sharedReplica(), sharedReplica('second')]);
});

beforeEach(async ({ task }) => {
  if (task.suite?.name !== 'refuses') zone = await createTestZone(replica);
});

/** Whether a mandate is exchanged at another replica than the one that was ordered at. */
async function isHonoured(
  subject_token: string,
  by: { clientId: string; secret: string } = zone,
  resource = zone.resource,
): Promise<boolean> {
  const answer = await persistently(() =>
    exchangeAs(by, second.url, subject_token, { resource, scope: 'shared' }),
  );
  return answer.status === 200;
}

const both = async (client?: { clientId: string; secret: string }): Promise<string> => {
  const { clientId: client_id, secret: client_secret } = client ?? zone;
  const wanted = { resource: [zone.resource, zone.otherResource], scope: 'shared' };
  return tokenOf(await persistently(() => zone.session({ client_id, client_secret, ...wanted })));
};

const NOTHING = { sessions: 0, agent_sessions: 0, delegations: 0, grants: 0 };

function expectOrdered(answer: Answer): void {
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  expect(answer.body).toMatchObject({
    id: expect.any(String),
    at: expect.any(String),
    reason: 'a test',
    actor: 'admin key',
    effective: { exchange: 0, introspection: 0, expiry_seconds: expect.any(Number) },
  });
}

describe('an order takes back', () => {
  test('one mandate, and says what it hit', async () => {
    const [token, other] = [await both(), await both()];
    const target = { jti: decodeJwt(token).jti };
    const answer = await order(zone, target, { body: { reason_code: 'leaked' } });
    expectOrdered(answer);
    expect(answer.body).toMatchObject({
      target,
      reason_code: 'leaked',
      affects: { ...NOTHING, mandates_unexpired: 1 },
    });
    expect(await isHonoured(token)).toBe(false);
    expect(await isHonoured(other)).toBe(true);
    const id = String(answer.body['id']);
    expect(await zone.admin('GET', `/revocations/${id}`)).toMatchObject(answer.body);
    expect(answer.headers.get('location')).toBe(`/internal/zones/${zone.zoneId}/revocations/${id}`);
    expect(await zone.audit(answer.requestId)).toMatchObject([
      {
        outcome: 'done',
        event: {
          type: 'admin.revocation.ordered',
          operator: 'admin key',
          revoked_jti: target.jti,
          revocation: { id, target, affects: { mandates_unexpired: 1 } },
        },
      },
    ]);
  });

  test.each(['session_id', 'root_session_id'])('a session, by %s', async (member) => {
    const app = await applicationOf(zone, zone);
    const token = await app.bearer();
    const opened = await persistently(() =>
      app.call('POST', '/agent-sessions', { lifecycle: 'task' }, { token }),
    );
    expect(opened.status).toBe(201);
    const other = await both();
    const answer = await order(zone, { [member]: decodeJwt(token)['sid'] });
    expectOrdered(answer);
    expect(answer.body['affects']).toEqual({
      ...NOTHING,
      sessions: 1,
      agent_sessions: 1,
      mandates_unexpired: 1,
    });
    expect(await isHonoured(token)).toBe(false);
    expect(await isHonoured(other)).toBe(true);
  });

  test('an agent session with those below it; and a delegation with what it was handed on as', async () => {
    const [from, to] = [await applicationOf(zone, zone), await applicationOf(zone)];
    const [source, target] = [await from.open(), await to.open()];
    const edge = await from.delegate(source, target);
    await to.accept(edge);
    const child = await from.open({ parent_id: source });
    const use = async () => {
      const token = await to.bearer();
      const agent = { agent_session_id: target, delegation_edge_id: edge };
      const wanted = { resource: zone.resource, scope: 'shared', ...agent };
      return persistently(() => exchangeAs(to, second.url, token, wanted));
    };
    expect((await use()).status).toBe(200);
    const dry = await order(zone, { agent_session_id: source }, { query: '?dry_run=true' });
    expect(dry.status, JSON.stringify(dry.body)).toBe(200);
    const affects = { agent_sessions: 2, delegations: 1, sessions: 0, mandates_unexpired: 1 };
    expect(dry.body).toMatchObject({ dry_run: true, affects });
    expect((await use()).status).toBe(200);

    const ofEdge = await order(zone, { delegation_edge_id: edge });
    expectOrdered(ofEdge);
    expect(ofEdge.body).toMatchObject({ affects: { delegations: 1, mandates_unexpired: 2 } });
    expect((await use()).status).toBe(400);

    expectOrdered(await order(zone, { agent_session_id: source }));
    for (const id of [source, child]) {
      expect(await zone.admin('GET', `/agent-sessions/${id}`)).toMatchObject({
        ended_at: expect.any(String),
      });
    }
    expect(await zone.admin('GET', `/agent-sessions/${target}`)).toMatchObject({ ended_at: null });
  });

  test('all of a client at once, also delegations; it may begin anew, and its rows are ended in time', async () => {
    const client = await zone.newClient();
    const [from, to] = [await applicationOf(zone, client), await applicationOf(zone)];
    const [source, target] = [await from.open(), await to.open()];
    const edge = await from.delegate(source, target);
    await to.accept(edge);
    const [token, other] = [await both(client), await both()];
    const use = async () => {
      const bearer = await to.bearer();
      const agent = { agent_session_id: target, delegation_edge_id: edge };
      const wanted = { resource: zone.resource, scope: 'shared', ...agent };
      return (await persistently(() => exchangeAs(to, second.url, bearer, wanted))).status;
    };
    expect(await use()).toBe(200);
    const answer = await order(zone, { client_id: client.clientId });
    expectOrdered(answer);
    expect(answer.body).toMatchObject({
      generation: 1,
      affects: { agent_sessions: 1, delegations: 1 },
    });
    expect(await isHonoured(token, client)).toBe(false);
    expect(await isHonoured(other)).toBe(true);
    expect(await use()).toBe(400);
    expect(await isHonoured(await both(client), client)).toBe(true);

    const { sid } = decodeJwt(token);
    await until(async () => {
      const ended = await zone.admin('GET', `/sessions/${String(sid)}`);
      const agent = await zone.admin('GET', `/agent-sessions/${source}`);
      const delegation = await zone.admin('GET', `/delegations/${edge}`);
      return [ended['ended_at'], agent['ended_at'], delegation['revoked_at']].every(
        (at) => typeof at === 'string',
      );
    });
    const id = String(answer.body['id']);
    await until(async () => !('ending' in (await zone.admin('GET', `/revocations/${id}`))));
    expect(await isHonoured(await both(client), client)).toBe(true);
    expect(await zone.admin('GET', `/agent-sessions/${target}`)).toMatchObject({ ended_at: null });
  });

  test('what was issued for a resource, and nothing for another', async () => {
    const onlyOther = { resource: zone.otherResource, scope: 'shared' };
    const [token, other] = [
      await both(),
      tokenOf(await persistently(() => zone.session(onlyOther))),
    ];
    const answer = await order(zone, { resource: zone.resource });
    expectOrdered(answer);
    expect(answer.body).toMatchObject({ generation: 1, affects: { mandates_unexpired: 1 } });
    expect(await isHonoured(token)).toBe(false);
    expect(await isHonoured(other, zone, zone.otherResource)).toBe(true);
    expect(await isHonoured(await both())).toBe(true);
  });

  test('what a policy set has allowed, once another is active', async () => {
    const before = await zone.activate(`${PERMIT_ALL}\n// the first`);
    const token = await both();
    const inUse = await order(zone, { policy_set_version_id: before });
    expect([inUse.status, inUse.body['error']]).toEqual([409, 'conflict']);
    await zone.activate(`${PERMIT_ALL}\n// the second`);
    const other = await both();
    expectOrdered(await order(zone, { policy_set_version_id: before }));
    expect(await isHonoured(token)).toBe(false);
    expect(await isHonoured(other)).toBe(true);
  });

  test('what a policy set has allowed that is gone, by another with the same policies', async () => {
    const gone = await zone.activate(`${PERMIT_ALL}\n// of a set that goes`);
    const token = await both();
    await zone.activate(`${PERMIT_ALL}\n// of one that stays`);
    const { items } = await zone.admin('GET', '/policy-sets');
    const sets = items as { id: string; latest_version: { id: string } }[];
    const at = `/policy-sets/${String(sets.find((set) => set.latest_version.id === gone)?.id)}`;
    const { policy_version_ids: policies } = await zone.admin('GET', `${at}/versions/${gone}`);
    await zone.admin('DELETE', at);
    expect((await order(zone, { policy_set_version_id: gone })).status).toBe(422);
    expect(await isHonoured(token)).toBe(true);
    const { id: set } = await zone.admin('POST', '/policy-sets', { name: `again ${randomUUID()}` });
    const { id: again } = await zone.admin('POST', `/policy-sets/${String(set)}/versions`, {
      policy_version_ids: policies,
    });
    expectOrdered(await order(zone, { policy_set_version_id: again }));
    expect(await isHonoured(token)).toBe(false);
  });

  test('what a key has signed: it is withdrawn, another signs', async () => {
    const token = await both();
    const { kid } = decodeProtectedHeader(token);
    const answer = await order(zone, { kid });
    expectOrdered(answer);
    expect(await isHonoured(token)).toBe(false);
    const next = await both();
    expect(decodeProtectedHeader(next).kid).not.toBe(kid);
    expect(await isHonoured(next)).toBe(true);
    const { items } = await zone.admin('GET', '/signing-keys');
    expect(items).toContainEqual(expect.objectContaining({ kid, state: 'compromised' }));
    expect(await zone.audit(answer.requestId)).toMatchObject([
      { event: { keys: { withdrawn: [kid] } } },
    ]);
  });

  test('everything of the zone, and nothing of another', async () => {
    const other = await createTestZone(replica);
    const theirs = tokenOf(await persistently(() => other.session()));
    const token = await both();
    const answer = await order(zone, { zone: true });
    expectOrdered(answer);
    expect(answer.body).toMatchObject({ generation: 1, target: { zone: true } });
    expect(await isHonoured(token)).toBe(false);
    expect(await isHonoured(await both())).toBe(true);
    const wanted = { resource: other.resource, scope: 'a:read' };
    const there = await persistently(() => exchangeAs(other, second.url, theirs, wanted));
    expect(there.status).toBe(200);
    const { sid } = decodeJwt(token);
    await until(async () => {
      const ended = await zone.admin('GET', `/sessions/${String(sid)}`);
      return ended['ended_at'] !== null;
    });
  });

  test('all about one user, or about all users of an issuer, and nothing of others', async () => {
    const owner = await newVerifier(zone);
    const [idp, another] = [await newTrustedIssuer(zone), await newTrustedIssuer(zone)];
    const mandateOf = async (issuer: TestIssuer, sub: string): Promise<string> => {
      const ask = await issuer.user(sub);
      return tokenOf(await persistently(() => ask({ resource: owner.resource, scope: 'shared' })));
    };
    const tokens = [
      await mandateOf(idp, 'alice'),
      await mandateOf(idp, 'bob'),
      await mandateOf(another, 'alice'),
    ];
    const alive = async (): Promise<boolean[]> => {
      const answer = await persistently(() => introspectAll(second.url, { tokens }, owner));
      return (answer.body['results'] as { active: boolean }[]).map(({ active }) => active);
    };
    expect(await alive()).toEqual([true, true, true]);
    const ofUser = await order(zone, { subject: { sub: 'alice', iss: idp.issuer } });
    expectOrdered(ofUser);
    expect(ofUser.body).toMatchObject({
      generation: 1,
      affects: { sessions: 1, mandates_unexpired: 1 },
    });
    expect(await alive()).toEqual([false, true, true]);
    const ofIssuer = await order(zone, { issuer: idp.issuer });
    expectOrdered(ofIssuer);
    expect(ofIssuer.body).toMatchObject({ generation: 1 });
    expect(await alive()).toEqual([false, false, true]);
    const [sid] = tokens.map((token) => String(decodeJwt(token)['sid']));
    await until(async () => {
      const ended = await zone.admin('GET', `/sessions/${String(sid)}`);
      return typeof ended['ended_at'] === 'string';
    });
  });

  test('what nobody knows, as there may be tokens of it all the same', async () => {
    for (const member of ['jti', 'session_id', 'agent_session_id', 'delegation_edge_id']) {
      const answer = await order(zone, { [member]: randomUUID() });
      expectOrdered(answer);
      expect(answer.body['affects']).toEqual({ ...NOTHING, mandates_unexpired: 0 });
    }
  });
});

describe('a dry run', () => {
  test('says the same as the order, and changes and records nothing', async () => {
    await Promise.all([both(), both(), both()]);
    const token = await both();
    const target = { client_id: zone.clientId };
    const dry = await order(zone, target, { query: '?dry_run=true' });
    expect(dry.status).toBe(200);
    expect(Object.keys(dry.body).toSorted()).toEqual(['affects', 'dry_run', 'effective', 'target']);
    expect(await zone.audit(dry.requestId)).toEqual([]);
    expect(await zone.admin('GET', '/revocations')).toEqual({ items: [] });
    expect(await isHonoured(token)).toBe(true);
    const answer = await order(zone, target);
    // One mandate more, by which it was shown that the token is honoured.
    const { mandates_unexpired: expected, ...rest } = dry.body['affects'] as Record<string, number>;
    expect(answer.body['affects']).toEqual({ ...rest, mandates_unexpired: Number(expected) + 1 });
    expect(rest['sessions']).toBe(4);
  });

  test('of nothing is as unknown as the order', async () => {
    const answer = await order(zone, { client_id: randomUUID() }, { query: '?dry_run=true' });
    expect(answer.status).toBe(422);
  });
});

describe('an Idempotency-Key', () => {
  test('has the same order answered again, and refuses another', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    const target = { client_id: zone.clientId };
    const first = await order(zone, target, { headers });
    expectOrdered(first);
    const again = await order(zone, target, { headers });
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await zone.audit(again.requestId)).toEqual([]);
    const other = await order(zone, target, { headers, body: { reason: 'another' } });
    expect([other.status, other.body['error']]).toEqual([409, 'idempotency_key_conflict']);
  });

  test('makes one order of those that race at two replicas', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    const target = { client_id: zone.clientId };
    const answers = await Promise.all(
      [replica, second, replica, second].map((at) =>
        order({ ...zone, replica: at }, target, { headers }),
      ),
    );
    const ids = new Set(answers.map(({ body }) => body['id']));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(ids.size).toBe(1);
    const [{ generation } = {}] = await rows<{ generation: number }>(
      replica.databaseUrl,
      'SELECT generation FROM clients WHERE id = $1',
      [zone.clientId],
    );
    expect(generation).toBe(1);
  });
});

describe('the rows of an order', () => {
  const endedIn = async ({ zoneId }: TestZone): Promise<number> => {
    const found = await rows<{ count: number }>(
      replica.databaseUrl,
      'SELECT count(*)::integer AS count FROM sessions WHERE zone_id = $1 AND ended_at IS NOT NULL',
      [zoneId],
    );
    return found[0]?.count ?? 0;
  };
  const isThrough = async (of: TestZone, answer: Answer): Promise<boolean> =>
    !('ending' in (await of.admin('GET', `/revocations/${String(answer.body['id'])}`)));

  test('that somebody holds are ended later, and hold up neither the others nor another zone', async () => {
    const other = await createTestZone(replica);
    const sids: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      // oxlint-disable-next-line no-await-in-loop
      sids.push(String(decodeJwt(await both())['sid']));
    }
    await persistently(() => other.session());
    await withClient(replica.databaseUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT FROM sessions WHERE zone_id = $1 AND id = $2 FOR UPDATE', [
        zone.zoneId,
        sids[2],
      ]);
      const held = await order(zone, { zone: true });
      const free = await order(other, { zone: true });
      await until(async () => (await endedIn(zone)) === 4);
      await until(() => isThrough(other, free));
      expect(await endedIn(other)).toBe(1);
      expect(await endedIn(zone)).toBe(4);
      expect(await isThrough(zone, held)).toBe(false);
      await client.query('ROLLBACK');
      await until(() => isThrough(zone, held));
      expect(await endedIn(zone)).toBe(5);
    });
  });

  test('are no items of the feed where one item says it of all', async () => {
    const verifier = await newVerifier(zone);
    const app = await applicationOf(zone);
    await app.open();
    for (let n = 0; n < 3; n += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await both();
    }
    const { next } = await verifier.read();
    const answer = await order(zone, { zone: true });
    await until(() => isThrough(zone, answer));
    expect(await endedIn(zone)).toBeGreaterThanOrEqual(4);
    await until(async () => {
      const waiting = 'SELECT 1 FROM revocation_notices WHERE zone_id = $1';
      return (await rows(replica.databaseUrl, waiting, [zone.zoneId])).length === 0;
    });
    const { items } = await verifier.read(`?after=${next}`);
    expect(items.map(({ kind, gen }) => [kind, gen])).toEqual([['zone', 1]]);
  });

  test('are items where mandates rest on them that do not name what was taken back', async () => {
    const verifier = await newVerifier(zone);
    const idp = await newTrustedIssuer(zone);
    const ask = await idp.user('alice');
    const { sid } = decodeJwt(tokenOf(await persistently(() => ask({ scope: 'shared' }))));
    const wanted = { resource: zone.resource, scope: 'shared', session_id: String(sid) };
    const own = tokenOf(await persistently(() => zone.session(wanted)));
    expect(decodeJwt(own)).toMatchObject({ sid, sub: zone.clientId });
    expectOrdered(await order(zone, { subject: { sub: 'alice', iss: idp.issuer } }));
    expect(await isHonoured(own)).toBe(false);
    const key = keyOf(zone.zoneId, 'session', String(sid));
    await until(async () => (await verifier.read()).items.some((item) => item.key === key));
  });

  test('are items again where they end for themselves', async () => {
    const verifier = await newVerifier(zone);
    const answer = await order(zone, { client_id: zone.clientId });
    await until(() => isThrough(zone, answer));
    const { sid } = decodeJwt(await both());
    await zone.admin('DELETE', `/sessions/${String(sid)}`);
    const key = keyOf(zone.zoneId, 'session', String(sid));
    await until(async () => (await verifier.read()).items.some((item) => item.key === key));
  });
});

test('orders without a key that race at two replicas are all made, one after the other', async () => {
  const target = { client_id: zone.clientId };
  const answers = await Promise.all(
    [replica, second, replica, second].map((at) => order({ ...zone, replica: at }, target)),
  );
  answers.forEach(expectOrdered);
  expect(new Set(answers.map(({ body }) => body['generation']))).toEqual(new Set([1, 2, 3, 4]));
});

test('orders are listed, in parts, and by what they took back', async () => {
  const [one, other] = [{ jti: randomUUID() }, { jti: randomUUID() }];
  const made = [];
  for (const target of [one, other, one]) made.push((await order(zone, target)).body);
  expect((await zone.admin('GET', '/revocations'))['items']).toEqual(made);
  const first = await zone.admin('GET', '/revocations?limit=2');
  expect(first['items']).toEqual(made.slice(0, 2));
  const rest = await zone.admin('GET', `/revocations?limit=2&after=${String(first['next'])}`);
  expect(rest).toEqual({ items: made.slice(2) });
  const of = (target: object) =>
    zone.admin('GET', `/revocations?target=${encodeURIComponent(JSON.stringify(target))}`);
  expect((await of(one))['items']).toEqual([made[0], made[2]]);
  expect(await of({ jti: randomUUID() })).toEqual({ items: [] });
  const elsewhere = await createTestZone(replica);
  const path = `/zones/${elsewhere.zoneId}/revocations`;
  expect((await callAdmin(replica, 'GET', path)).body).toEqual({ items: [] });
  const theirs = await callAdmin(replica, 'GET', `${path}/${String(made[0]?.['id'])}`);
  expect(theirs.status).toBe(404);
});

test('the short form of one mandate is answered without a body, and kept as an order', async () => {
  const token = await both();
  const { jti } = decodeJwt(token);
  const answer = await persistently(() =>
    callAdmin(replica, 'POST', `/zones/${zone.zoneId}/revocations`, { jti }),
  );
  expect([answer.status, answer.body]).toEqual([204, {}]);
  expect(await isHonoured(token)).toBe(false);
  expect(await zone.audit(answer.requestId)).toMatchObject([
    { event: { type: 'admin.mandate.revoked', revoked_jti: jti } },
  ]);
  expect((await zone.admin('GET', '/revocations'))['items']).toMatchObject([{ target: { jti } }]);
});

test('Prefer: return=minimal has any order answered without a body', async () => {
  const headers = { Prefer: 'respond-async, return=minimal' };
  const answer = await order(zone, { client_id: zone.clientId }, { headers });
  expect([answer.status, answer.body]).toEqual([204, {}]);
  expect(answer.headers.get('preference-applied')).toBe('return=minimal');
  expect(answer.headers.get('location')).toMatch(/\/revocations\//);
});

describe('refuses', () => {
  let shared: TestZone;

  beforeAll(async () => {
    shared = await createTestZone(replica);
  });

  const id = '00000000-0000-7000-8000-000000000000';

  test.each<[string, object, number]>([
    ['no target', { reason: 'x' }, 400],
    ['an empty target', { target: {}, reason: 'x' }, 400],
    ['two targets', { target: { jti: id, zone: true }, reason: 'x' }, 400],
    ['an unknown member', { target: { everything: true }, reason: 'x' }, 400],
    ['a target and a jti', { target: { jti: id }, jti: id, reason: 'x' }, 400],
    ['zone: false', { target: { zone: false }, reason: 'x' }, 400],
    ['a jti that is no UUID', { target: { jti: 'x' }, reason: 'x' }, 400],
    ['null', { target: { jti: null }, reason: 'x' }, 400],
    ['a target that is text', { target: 'zone', reason: 'x' }, 400],
    ['no reason', { target: { jti: id } }, 400],
    ['an empty reason', { target: { jti: id }, reason: '' }, 400],
    ['a reason with NUL', { target: { jti: id }, reason: 'a\0' }, 400],
    ['a long reason', { target: { jti: id }, reason: 'a'.repeat(201) }, 400],
    ['a reason_code with spaces', { target: { jti: id }, reason: 'x', reason_code: 'a b' }, 400],
    [
      'expires_at in the past',
      { target: { jti: id }, reason: 'x', expires_at: '2001-01-01T00:00:00Z' },
      400,
    ],
    ['a long kid', { target: { kid: 'a'.repeat(200) }, reason: 'x' }, 400],
    [
      'a subject without a name',
      { target: { subject: { iss: 'https://a.example' } }, reason: 'x' },
      400,
    ],
    ['a subject of ours', { target: { subject: { sub: id } }, reason: 'x' }, 422],
    ['a grant', { target: { grant_id: id }, reason: 'x' }, 422],
    ['an unknown client', { target: { client_id: id }, reason: 'x' }, 422],
    ['an unknown resource', { target: { resource: 'resource://nobody' }, reason: 'x' }, 422],
    ['an unknown issuer', { target: { issuer: 'https://nobody.example' }, reason: 'x' }, 422],
    [
      'a subject of an unknown issuer',
      { target: { subject: { sub: 'a', iss: 'https://nobody.example' } }, reason: 'x' },
      422,
    ],
    ['an unknown policy set', { target: { policy_set_version_id: id }, reason: 'x' }, 422],
    ['an unknown key', { target: { kid: 'nobody' }, reason: 'x' }, 422],
  ])('%s', async (_name, body, status) => {
    const answer = await persistently(() =>
      callAdmin(replica, 'POST', `/zones/${shared.zoneId}/revocations`, body),
    );
    expect([answer.status, answer.body['error_description']]).toEqual([status, expect.any(String)]);
    expect(await shared.audit(answer.requestId)).toEqual([]);
    expect(await shared.admin('GET', '/revocations')).toEqual({ items: [] });
  });

  test('a client of another zone, and another zone altogether', async () => {
    const other = await createTestZone(replica);
    expect((await order(shared, { client_id: other.clientId })).status).toBe(422);
    const nowhere = { ...shared, zoneId: id };
    expect((await order(nowhere, { zone: true })).status).toBe(404);
    const list = await callAdmin(replica, 'GET', `/zones/${shared.zoneId}/revocations?target=x`);
    expect(list.status).toBe(400);
  });
});
