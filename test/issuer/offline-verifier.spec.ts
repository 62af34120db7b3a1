import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { applicationOf, tokenOf } from '../setup/agents.js';
import { newVerifier, type Verifier } from '../setup/feed.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { rotate } from '../setup/keys.js';
import { loadOfflineVerifier, type OfflineVerifier } from '../setup/offline-verifier.js';
import { persistently } from '../setup/patience.js';
import { newTrustedIssuer, type TestIssuer } from '../setup/trusted-issuers.js';
import {
  ACCESS_TOKEN,
  callAdmin,
  createTestZone,
  PERMIT_ALL,
  readAnswer,
  type TestZone,
} from '../setup/zone.js';

const PATIENCE = { timeout: 40_000, interval: 100 };

let replica: Replica;
let loaded: Awaited<ReturnType<typeof loadOfflineVerifier>>;

beforeAll(async () => {
  replica = await sharedReplica();
  loaded = await loadOfflineVerifier();
});
afterAll(() => loaded?.remove());

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >;

const sql = (text: string, values: readonly unknown[]) =>
  rows(replica.databaseUrl, text, [...values]);

/** A zone in which everything can be taken back that mandates for one resource rest on. */
interface Scene {
  readonly zone: TestZone;
  readonly owner: Verifier;
  readonly issuer: TestIssuer;
  /** Another client, which is handed on authority. */
  readonly service: string;
  readonly policy: string;
  readonly agents: { readonly source: string; readonly edge: string };
  /** By what they are. */
  readonly mandates: Readonly<Record<string, string>>;
}

async function openScene(): Promise<Scene> {
  const zone = await createTestZone(replica);
  const owner = await newVerifier(zone);
  const forOwner = { resource: owner.resource, scope: 'shared' };
  const both = { resource: [zone.resource, owner.resource], scope: 'shared' };
  const issuer = await newTrustedIssuer(zone);
  const [a, b] = [await applicationOf(zone, zone), await applicationOf(zone)];
  const get = async (answer: () => ReturnType<TestZone['session']>): Promise<string> =>
    tokenOf(await persistently(answer));
  const policy = await zone.activate(PERMIT_ALL);
  const ownSession = await get(() => zone.session(both));
  const ask = await issuer.user('alice');
  const service = { client_id: b.clientId, client_secret: b.secret };
  const exchange = (subject_token: string, parameters = {}) =>
    get(() => zone.exchange({ subject_token, ...forOwner, ...parameters }));
  const actor_token = await get(() => zone.session({ ...both, ...service }));
  const actor = { actor_token, actor_token_type: ACCESS_TOKEN };
  const token = await a.bearer(both);
  const opened = await a.call('POST', '/agent-sessions', { lifecycle: 'task' }, { token });
  const source = String(opened.body['id']);
  const target = await b.open();
  const delegation = { source_session_id: source, target_session_id: target, scopes: ['shared'] };
  const { body } = await a.call('POST', '/delegations', delegation, { token });
  const edge = String(body['id']);
  await b.accept(edge);
  const delegated = await get(() =>
    b.exchange({
      subject_token: actor_token,
      agent_session_id: target,
      delegation_edge_id: edge,
      ...forOwner,
    }),
  );
  return {
    zone,
    owner,
    issuer,
    service: b.clientId,
    policy,
    agents: { source, edge },
    mandates: {
      own: await exchange(ownSession),
      user: await get(() => ask(forOwner)),
      'user with an actor': await get(() => ask({ ...forOwner, ...actor })),
      delegated,
      'of another client': await exchange(actor_token, service),
    },
  };
}

const raise = (kind: string, name: (scene: Scene) => string) => (scene: Scene) =>
  sql('SELECT raise_generation($1, $2, $3)', [scene.zone.zoneId, kind, name(scene)]);

const change = async (scene: Scene, clientId: string, disabled: boolean): Promise<void> => {
  await scene.zone.admin('PATCH', `/clients/${clientId}`, { disabled });
};

const claim = (mandate: string, name: string) => (scene: Scene) => {
  const value = claimsOf(scene.mandates[mandate] ?? '')[name];
  return String(Array.isArray(value) ? value[0] : value);
};

const revokeJti = (mandate: string, name: string) => (scene: Scene) =>
  sql('INSERT INTO revocations (zone_id, jti) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    scene.zone.zoneId,
    claim(mandate, name)(scene),
  ]);

const endSession = (mandate: string) => (scene: Scene) =>
  sql('UPDATE sessions SET ended_at = now() WHERE zone_id = $1 AND id = $2', [
    scene.zone.zoneId,
    claim(mandate, 'sid')(scene),
  ]);

/** Everything that can be taken back, however. */
const ACTIONS: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  'a mandate': revokeJti('user', 'jti'),
  'the mandate that others come from': revokeJti('own', 'ancestors'),
  'a session': endSession('own'),
  'the session of a user': endSession('user'),
  'an agent session': ({ zone, agents }) =>
    sql('UPDATE agent_sessions SET ended_at = now() WHERE zone_id = $1 AND id = $2', [
      zone.zoneId,
      agents.source,
    ]),
  'the session that an agent session was opened in': ({ zone, agents }) =>
    sql(
      `UPDATE sessions s SET ended_at = now() FROM agent_sessions a
        WHERE a.zone_id = $1 AND a.id = $2 AND s.zone_id = a.zone_id AND s.id = a.session_id`,
      [zone.zoneId, agents.source],
    ),
  'a delegation': ({ zone, agents }) =>
    sql('UPDATE delegation_edges SET revoked_at = now() WHERE zone_id = $1 AND id = $2', [
      zone.zoneId,
      agents.edge,
    ]),
  'a client, by disabling it': (scene) => change(scene, scene.zone.clientId, true),
  'another client, by disabling it': (scene) => change(scene, scene.service, true),
  'nothing, by disabling a client and enabling it again': async (scene) => {
    await change(scene, scene.service, true);
    await change(scene, scene.service, false);
  },
  'a client': raise('client', ({ zone }) => zone.clientId),
  'another client': raise('client', ({ service }) => service),
  'a client, by removing it': async ({ zone, service }) => {
    await persistently(() =>
      callAdmin(replica, 'DELETE', `/zones/${zone.zoneId}/clients/${service}`),
    );
  },
  'a subject': raise('subject', ({ issuer }) => `${issuer.issuer}\nalice`),
  'an issuer': raise('issuer', ({ issuer }) => issuer.issuer),
  'an issuer, by removing it': async ({ zone, issuer }) => {
    await zone.admin('DELETE', `/issuers/${issuer.id}`);
  },
  'an issuer that is trusted again': async ({ zone, issuer }) => {
    await zone.admin('DELETE', `/issuers/${issuer.id}`);
    await newTrustedIssuer(zone, issuer.issuer);
  },
  'a resource': raise('resource', ({ owner }) => owner.resource),
  'a policy': async ({ zone, policy }) => {
    await zone.activate(`@id("other") ${PERMIT_ALL.replace('@id("all") ', '')}`);
    await sql('SELECT withdraw_policy($1, $2)', [zone.zoneId, policy]);
  },
  'a key': async ({ zone }) => {
    await persistently(() => rotate(zone, '?emergency=true'));
  },
  'the zone': raise('zone', ({ zone }) => zone.zoneId),
};

async function introspect({ zone, owner }: Scene, token: string): Promise<boolean> {
  const { status, body } = await persistently(async () =>
    readAnswer(
      await fetch(`${replica.url}/zones/${zone.zoneId}/oauth/2/introspect`, {
        method: 'POST',
        headers: { authorization: owner.basic },
        body: new URLSearchParams({ token }),
      }),
    ),
  );
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body['active'] === true;
}

/** What the database says of each mandate, and what the verifier does. */
async function opinions(scene: Scene, verifier: OfflineVerifier) {
  const names = Object.keys(scene.mandates);
  const both = await Promise.all(
    Object.values(scene.mandates).map(async (token) => [
      await introspect(scene, token),
      await verifier.verify(token).then(
        () => true,
        () => false,
      ),
    ]),
  );
  return {
    database: names.filter((_name, n) => both[n]?.[0] === true),
    verifier: names.filter((_name, n) => both[n]?.[1] === true),
  };
}

async function expectOneOpinion(names: readonly string[]): Promise<readonly string[]> {
  const scene = await openScene();
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const verifier = new loaded.Verifier(
    `${replica.url}/zones/${scene.zone.zoneId}`,
    scene.zone.issuer,
    scene.owner.resource,
    scene.owner.basic,
  );
  void verifier.keep(stop.signal);
  const all = Object.keys(scene.mandates);
  await expect
    .poll(() => opinions(scene, verifier), PATIENCE)
    .toEqual({ database: all, verifier: all });
  for (const name of names) await ACTIONS[name]?.(scene);
  const { database } = await opinions(scene, verifier);
  await expect
    .poll(() => opinions(scene, verifier), PATIENCE)
    .toEqual({ database, verifier: database });
  stop.abort();
  return database;
}

describe('the verifier of docs/revocation-feed.md says what the database says', () => {
  test.each(Object.keys(ACTIONS))(
    'after this was taken back: %s',
    async (name) => {
      const left = await expectOneOpinion([name]);
      // Something was taken back, and not everything where not everything was.
      if (name.startsWith('nothing')) expect(left).toHaveLength(5);
      else expect(left.length).toBeLessThan(5);
    },
    90_000,
  );

  test('after any of these', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(Object.keys(ACTIONS), { minLength: 2, maxLength: 4 }),
        async (names) => {
          // Who is gone cannot be disabled, and what is gone not be removed.
          const gone = names.findIndex((name) => name.includes('removing'));
          await expectOneOpinion(gone === -1 ? names : names.slice(0, gone + 1));
        },
      ),
      { numRuns: 3, endOnFailure: true },
    );
  }, 240_000);
});

test('the verifier takes nothing while it does not hear of the feed', async () => {
  const scene = await openScene();
  const verifier = new loaded.Verifier(
    `${replica.url}/zones/${scene.zone.zoneId}`,
    scene.zone.issuer,
    scene.owner.resource,
    scene.owner.basic,
  );
  await expect(verifier.verify(scene.mandates['own'] ?? '')).rejects.toThrow('too old to go by');
});
