import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { verifyDelegationChain } from '../../src/delegation/verify-chain.js';
import { applicationOf, tokenOf, type TestApplication } from '../setup/agents.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { forgerFor } from '../setup/zone-key.js';
import { createTestZone, PERMIT_ALL, type Answer, type TestZone } from '../setup/zone.js';

/** What servers and proxies take in one header at the least. */
const HEADER_BYTES = 4_096;

const HOPS = 10;
const ISSUER = 'https://sts.example.com';
const RESOURCE = 'https://api.example.com/orders';

/**
 * Claims that mandates have sometimes, as long as they may be: generations, a bound key, a place in a status list.
 */
const TO_COME = {
  gen: { z: 99, c: 99, s: 99, i: 99, r: [99] },
  cnf: { 'x5t#S256': 'x'.repeat(43) },
};

interface Way {
  /** One for each station: the first issuer, and ten that received something. */
  readonly apps: readonly TestApplication[];
  readonly sessions: readonly string[];
  readonly edges: readonly string[];
}

let replica: Replica;
let zone: TestZone;
let way: Way;

const at = <T>(list: readonly T[], index: number): T => {
  const found = list.at(index);
  if (found === undefined) throw new Error(`nothing at ${index}`);
  return found;
};

/** What the application of a station owns, so that it can ask on behalf of the one before it. */
const ownedBy = (station: number): string => `https://app-${station}.example.com/`;

beforeAll(async () => {
  replica = await startReplica({ env: { ISSUER_URL: ISSUER } });
  zone = await createTestZone(replica);
  const stations = Array.from({ length: HOPS + 1 }, (_, station) => station);
  const apps: TestApplication[] = [];
  for (const station of stations) {
    // oxlint-disable-next-line no-await-in-loop
    const app = await applicationOf(zone);
    // oxlint-disable-next-line no-await-in-loop
    await zone.admin('POST', '/resources', {
      identifier: ownedBy(station),
      scopes: ['shared'],
      owner_client_id: app.clientId,
    });
    apps.push(app);
  }
  await zone.admin('POST', '/resources', { identifier: RESOURCE, scopes: ['shared'] });
  const everything = [...stations.map(ownedBy), RESOURCE];
  const sessions: string[] = [];
  for (const app of apps) {
    // oxlint-disable-next-line no-await-in-loop
    sessions.push(await app.open());
  }
  const edges: string[] = [];
  for (const [hop, source] of sessions.slice(0, HOPS).entries()) {
    // Each delegates what it has got by the one before.
    // oxlint-disable-next-line no-await-in-loop
    const token = await at(apps, hop).bearer({ resource: everything });
    const body = {
      source_session_id: source,
      target_session_id: at(sessions, hop + 1),
      scopes: ['shared'],
    };
    // oxlint-disable-next-line no-await-in-loop
    const made = await at(apps, hop).call('POST', '/delegations', body, { token });
    expect([made.status, made.body]).toEqual([201, expect.any(Object)]);
    edges.push(String(made.body['id']));
    // oxlint-disable-next-line no-await-in-loop
    await at(apps, hop + 1).accept(at(edges, -1));
  }
  way = { apps, sessions, edges };
  return () => replica.stop();
});

const acting = () => ({
  agent_session_id: at(way.sessions, -1),
  delegation_edge_id: at(way.edges, -1),
});

/** The mandate of the last of ten for one resource, by its own session. */
async function direct(): Promise<string> {
  const app = at(way.apps, -1);
  const subject_token = await app.bearer({ resource: RESOURCE });
  return tokenOf(await app.exchange({ subject_token, ...acting(), resource: RESOURCE }));
}

/**
 * The mandate of a station, the last one by default, where each application has asked on behalf of the one before: there
 * are as many actors then as there can be.
 */
async function onBehalf(of = HOPS): Promise<string> {
  const [first] = way.apps;
  let token = tokenOf(
    await (first as TestApplication).exchange({
      subject_token: await first?.bearer({ resource: ownedBy(1) }),
      agent_session_id: at(way.sessions, 0),
      resource: ownedBy(1),
    }),
  );
  for (let station = 1; station <= of; station += 1) {
    // oxlint-disable-next-line no-await-in-loop
    token = tokenOf(await stepTo(station, token));
  }
  return token;
}

/** The application of a station exchanges what it was called with. */
function stepTo(station: number, subject_token: string): Promise<Answer> {
  return at(way.apps, station).exchange({
    subject_token,
    agent_session_id: at(way.sessions, station),
    delegation_edge_id: at(way.edges, station - 1),
    resource: station === HOPS ? RESOURCE : ownedBy(station + 1),
  });
}

/** A mandate with claims that it does not have yet, signed by the zone. */
async function withMore(token: string, claims: Record<string, unknown>): Promise<string> {
  return (await forgerFor(zone, zone, token)).sign({}, claims);
}

interface Actor {
  readonly sub: string;
  readonly client_id?: string;
  readonly sub_type?: string;
  readonly act?: Actor;
}

function actorsIn(act: Actor | undefined): Actor[] {
  return act === undefined ? [] : [act, ...actorsIn(act.act)];
}

describe('a mandate of ten hops', () => {
  test('for one resource fits into a header, now and with what is to come', async () => {
    const token = await direct();
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({ hop_count: HOPS, aud: RESOURCE, iss: zone.issuer });
    expect(verifyDelegationChain(claims)).toMatchObject({ valid: true, hopCount: HOPS });
    expect(token.length).toBeLessThan(HEADER_BYTES);
    const status = { status_list: { idx: 9_999_999, uri: `${zone.issuer}/status/2026112205-99` } };
    const later = await withMore(token, { ...TO_COME, status });
    expect(later.length).toBeGreaterThan(token.length + 300);
    expect(later.length).toBeLessThan(HEADER_BYTES);
  });

  test('lists its delegations once and its stations once', async () => {
    const claims = decodeJwt<Record<string, unknown>>(await direct());
    expect(claims['delegation_path']).toEqual(way.edges);
    expect(claims['delegation_chain']).toEqual(
      way.apps.map(({ clientId }, station) => ({
        application_id: clientId,
        agent_session_id: way.sessions[station],
      })),
    );
    expect(claims).toMatchObject({
      delegation_edge_id: way.edges.at(-1),
      source_session_id: way.sessions.at(-2),
      target_session_id: way.sessions.at(-1),
    });
  });

  test('names all who acted, and says of them nothing that the chain says', async () => {
    const token = await onBehalf();
    const claims = decodeJwt<{ act: Actor; ancestors: string[] }>(token);
    const actors = way.apps.slice(1).map(({ clientId }) => clientId);
    expect(actorsIn(claims.act)).toEqual(
      actors
        .toReversed()
        .map((sub, n) => ({ sub, ...(n < HOPS - 1 ? { act: expect.anything() } : {}) })),
    );
    // Each mandate that it comes of, of which the chain says nothing.
    expect(new Set(claims.ancestors).size).toBe(HOPS + 1);
    const { delegation_chain: chain, delegation_path: path } = claims as Record<string, unknown>;
    const said = JSON.stringify([chain, path]);
    expect(claims.ancestors.filter((jti) => said.includes(jti))).toEqual([]);
    // As it was: clients, kinds and edges in full.
    const full = (act: Actor): object => ({
      ...act,
      client_id: act.sub,
      sub_type: 'application',
      ...(act.act === undefined ? {} : { act: full(act.act) }),
    });
    const before = await withMore(token, {
      act: full(claims.act),
      delegation_path: way.sessions,
      delegation_chain: olderChain(),
    });
    expect(token.length).toBeLessThan(before.length - 1_500);
    expect(token.length).toBeLessThan(5_000);
  });

  test('is for policy to refuse by any of those who acted, and is refused when one is disabled', async () => {
    const first = at(way.apps, 1);
    const innermost = `context.actor_claims.${'act.'.repeat(HOPS - 1)}act`;
    await zone.activate(`${PERMIT_ALL} @id("first") forbid (principal, action, resource) when {
      context.actor_claims has ${'act.'.repeat(HOPS)}client_id &&
      ${innermost}.client_id == "${first.clientId}" &&
      ${innermost} has sub_type && ${innermost}.sub_type == "application" };`);
    const called = await onBehalf(HOPS - 1);
    const forbidden = await stepTo(HOPS, called);
    expect([forbidden.status, forbidden.body['error']]).toEqual([403, 'access_denied']);
    await zone.activate(PERMIT_ALL);
    expect((await stepTo(HOPS, called)).status).toBe(200);
    await zone.admin('PATCH', `/clients/${first.clientId}`, { disabled: true });
    const refused = await stepTo(HOPS, called);
    expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_request']);
    const [event] = await zone.audit(refused.requestId);
    expect(event?.event.reason).toBe('subject_token: of a client that is disabled or gone');
    await zone.admin('PATCH', `/clients/${first.clientId}`, { disabled: false });
  });
});

/** The chain as the version before wrote it. */
function olderChain(): object[] {
  return way.apps.map(({ clientId }, station) => ({
    application_id: clientId,
    agent_session_id: way.sessions[station],
    ...(station === 0 ? {} : { delegation_edge_id: way.edges[station - 1] }),
  }));
}

test('a delegated mandate of the version before is exchanged as ever, for one of today', async () => {
  const app = at(way.apps, -1);
  const session = tokenOf(
    await app.exchange({
      ...acting(),
      subject_token: undefined,
      subject_token_type: undefined,
      resource: RESOURCE,
      scope: 'shared',
    }),
  );
  const older = await withMore(session, {
    delegation_path: way.sessions,
    delegation_chain: olderChain(),
  });
  const answer = await app.exchange({ subject_token: older, resource: RESOURCE });
  expect(decodeJwt(tokenOf(answer))).toMatchObject({
    use: 'resource',
    delegation_path: way.edges,
    hop_count: HOPS,
  });
  const [event] = await zone.audit(answer.requestId);
  const policy = event?.event['policy'] as { decisions: { input: { context: object } }[] };
  expect(policy.decisions[0]?.input.context).toMatchObject({
    subject_claims: { delegation_path: way.edges },
  });
  // What contradicts is refused, in either form.
  for (const path of [way.sessions.toReversed(), way.edges]) {
    // oxlint-disable-next-line no-await-in-loop
    const forged = await withMore(older, { delegation_path: path });
    // oxlint-disable-next-line no-await-in-loop
    const refused = await app.exchange({ subject_token: forged, resource: RESOURCE });
    expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_request']);
  }
});

test('when everything was taken back often, it says so and fits into a header still', async () => {
  const raised = `
    WITH zone AS (UPDATE zones SET generation = 99 WHERE id = $1),
         resource AS (UPDATE resources SET generation = 99 WHERE zone_id = $1),
         opened AS (UPDATE sessions SET zone_generation = 99, client_generation = 99 WHERE zone_id = $1),
         agents AS (UPDATE agent_sessions SET zone_generation = 99, client_generation = 99 WHERE zone_id = $1)
    UPDATE clients SET generation = 99 WHERE zone_id = $1`;
  await rows(replica.databaseUrl, raised, [zone.zoneId]);
  const token = await direct();
  expect(decodeJwt(token)['gen']).toEqual({ z: 99, c: 99, s: 99, r: [99] });
  expect(token.length).toBeLessThan(HEADER_BYTES);
  const { gen } = decodeJwt<{ gen: object }>(await onBehalf());
  expect(gen).toEqual({ z: 99, c: 99, s: 99, a: Array.from({ length: HOPS }, () => 99), r: [99] });
});
