import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

const PATIENCE = { interval: 100 };

/** Scenes that are made at once. */
const AT_ONCE = 6;

const rounds = Number(process.env['OFFLINE_VERIFIER_ROUNDS'] ?? 1);

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

/** A zone, and who verifies mandates there. */
interface Ground {
  readonly zone: TestZone;
  readonly owner: Verifier;
  readonly policy: string;
}

/** Clients, users and agents of a zone, with everything that mandates of theirs for one resource rest on. */
interface Scene extends Ground {
  readonly issuer: TestIssuer;
  /** Who exchanges. */
  readonly client: string;
  /** Another client, which is handed on authority. */
  readonly service: string;
  readonly agents: { readonly source: string; readonly edge: string };
  /** By what they are. */
  readonly mandates: Readonly<Record<string, string>>;
}

async function openGround(): Promise<Ground> {
  const zone = await createTestZone(replica);
  const owner = await newVerifier(zone);
  return { zone, owner, policy: await zone.activate(PERMIT_ALL) };
}

async function openScene(ground: Ground): Promise<Scene> {
  const { zone, owner } = ground;
  const forOwner = { resource: owner.resource, scope: 'shared' };
  const both = { resource: [zone.resource, owner.resource], scope: 'shared' };
  const [a, b] = [await applicationOf(zone), await applicationOf(zone)];
  const issuer = await newTrustedIssuer(zone);
  const get = async (answer: () => ReturnType<TestZone['session']>): Promise<string> =>
    tokenOf(await persistently(answer));
  const client = { client_id: a.clientId, client_secret: a.secret };
  const service = { client_id: b.clientId, client_secret: b.secret };
  const exchange = (subject_token: string, parameters = {}) =>
    get(() => zone.exchange({ subject_token, ...client, ...forOwner, ...parameters }));
  const ownSession = await get(() => zone.session({ ...both, ...client }));
  const ask = await issuer.user('alice');
  const actor_token = await get(() => zone.session({ ...both, ...service }));
  const actor = { actor_token, actor_token_type: ACCESS_TOKEN };
  const begun = { token: ownSession };
  const opened = await a.call('POST', '/agent-sessions', { lifecycle: 'task' }, begun);
  const source = String(opened.body['id']);
  const target = await b.open();
  const delegation = { source_session_id: source, target_session_id: target, scopes: ['shared'] };
  const { body } = await a.call('POST', '/delegations', delegation, begun);
  const edge = String(body['id']);
  await b.accept(edge);
  const delegated = await exchange(actor_token, {
    ...service,
    agent_session_id: target,
    delegation_edge_id: edge,
  });
  // Of another session than the one that the agent session was opened in.
  const another = await get(() => zone.session({ ...both, ...client }));
  const user = await get(() => ask({ ...client, ...forOwner }));
  const users = String(claimsOf(user)['sid']);
  return {
    ...ground,
    issuer,
    client: a.clientId,
    service: b.clientId,
    agents: { source, edge },
    mandates: {
      own: await exchange(another),
      user,
      'user with an actor': await get(() => ask({ ...client, ...forOwner, ...actor })),
      // It names neither the user nor who vouches for that.
      'resting on the session of a user': await exchange(another, { session_id: users }),
      delegated,
      'of another client': await exchange(actor_token, service),
    },
  };
}

const raise = (kind: string, name: (scene: Scene) => string) => (scene: Scene) =>
  sql('SELECT raise_generation($1, $2, $3)', [scene.zone.zoneId, kind, name(scene)]);

/** As operators do it: what rests on sessions ends with them, when there is time. */
const order = (target: (scene: Scene) => object) => (scene: Scene) =>
  scene.zone.admin('POST', '/revocations', { target: target(scene), reason: 'a test' });

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

type Actions = Readonly<Record<string, (scene: Scene) => Promise<unknown>>>;

/** What can be taken back of some, however, and stays with all others. */
const OF_SOME: Actions = {
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
  'a client, by disabling it': (scene) => change(scene, scene.client, true),
  'another client, by disabling it': (scene) => change(scene, scene.service, true),
  'nothing, by disabling a client and enabling it again': async (scene) => {
    await change(scene, scene.service, true);
    await change(scene, scene.service, false);
  },
  'a client': raise('client', ({ client }) => client),
  'another client': raise('client', ({ service }) => service),
  'a client, by removing it': async ({ zone, service }) => {
    await persistently(() =>
      callAdmin(replica, 'DELETE', `/zones/${zone.zoneId}/clients/${service}`),
    );
  },
  'a subject': order(({ issuer: { issuer: iss } }) => ({ subject: { sub: 'alice', iss } })),
  'an issuer': order(({ issuer: { issuer } }) => ({ issuer })),
  'an issuer, by removing it': async ({ zone, issuer }) => {
    await zone.admin('DELETE', `/issuers/${issuer.id}`);
  },
  'an issuer that is trusted again': async ({ zone, issuer }) => {
    await zone.admin('DELETE', `/issuers/${issuer.id}`);
    await newTrustedIssuer(zone, issuer.issuer);
  },
};

/** What can be taken back of all that verify there. */
const OF_ALL: Actions = {
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

const ACTIONS: Actions = { ...OF_SOME, ...OF_ALL };

/** Which of some tokens are active, by the database. */
async function introspect(
  { zone, owner }: Ground,
  tokens: readonly string[],
): Promise<readonly boolean[]> {
  const { status, body } = await persistently(async () =>
    readAnswer(
      await fetch(`${replica.url}/zones/${zone.zoneId}/oauth/2/introspect`, {
        method: 'POST',
        headers: { authorization: owner.basic, 'content-type': 'application/json' },
        body: JSON.stringify({ tokens }),
      }),
    ),
  );
  if (status !== 200) throw new Error(JSON.stringify(body));
  return (body['results'] as { active: boolean }[]).map(({ active }) => active);
}

type Left = Readonly<Record<string, readonly string[]>>;

/** Which mandates of each scene are alive. */
interface Opinions {
  readonly database: Left;
  readonly verifier: Left;
}

/** Asks the database about each mandate of scenes of one ground, and the verifier. */
async function opinions(
  ground: Ground,
  scenes: Readonly<Record<string, Scene>>,
  verifier: OfflineVerifier,
): Promise<Opinions> {
  const all = Object.entries(scenes).flatMap(([name, { mandates }]) =>
    Object.entries(mandates).map(([mandate, token]) => ({ name, mandate, token })),
  );
  const active: boolean[] = [];
  for (let n = 0; n < all.length; n += 100) {
    const some = all.slice(n, n + 100).map(({ token }) => token);
    active.push(...(await introspect(ground, some)));
  }
  const held = await Promise.all(
    all.map(({ token }) =>
      verifier.verify(token).then(
        () => true,
        () => false,
      ),
    ),
  );
  const left = (alive: readonly boolean[]): Left =>
    Object.fromEntries(
      Object.keys(scenes).map((name) => [
        name,
        all.filter((one, n) => one.name === name && alive[n] === true).map((one) => one.mandate),
      ]),
    );
  return { database: left(active), verifier: left(held) };
}

/**
 * Takes back, in scenes of one ground, what each names, and expects the verifier to say of all mandates what the database
 * says. @returns which were left in each
 */
async function expectOneOpinion(
  ground: Ground,
  wanted: Readonly<Record<string, readonly string[]>>,
): Promise<Left> {
  const scenes: Record<string, Scene> = {};
  const names = Object.keys(wanted);
  for (let n = 0; n < names.length; n += AT_ONCE) {
    const some = names.slice(n, n + AT_ONCE);
    await Promise.all(some.map(async (name) => (scenes[name] = await openScene(ground))));
  }
  const stop = new AbortController();
  const verifier = new loaded.Verifier(
    `${replica.url}/zones/${ground.zone.zoneId}`,
    ground.zone.issuer,
    ground.owner.resource,
    ground.owner.basic,
  );
  const keeping = verifier.keep(stop.signal);
  try {
    const all = Object.fromEntries(
      Object.entries(scenes).map(([name, { mandates }]) => [name, Object.keys(mandates)]),
    );
    await expect
      .poll(() => opinions(ground, scenes, verifier), PATIENCE)
      .toEqual({ database: all, verifier: all });
    for (const [name, actions] of Object.entries(wanted)) {
      const scene = scenes[name];
      if (scene !== undefined) for (const action of actions) await ACTIONS[action]?.(scene);
    }
    const { database } = await opinions(ground, scenes, verifier);
    await expect
      .poll(() => opinions(ground, scenes, verifier), PATIENCE)
      .toEqual({ database, verifier: database });
    return database;
  } finally {
    stop.abort();
    await keeping;
  }
}

describe('the verifier of docs/revocation-feed.md says what the database says', () => {
  test('after each of these was taken back, in one zone, and of nobody else', async () => {
    const names = Object.keys(OF_SOME);
    const wanted = Object.fromEntries(names.map((name) => [name, [name]]));
    const left = await expectOneOpinion(await openGround(), { ...wanted, bystanders: [] });
    expect(left['bystanders']).toHaveLength(6);
    for (const name of names) {
      // Something was taken back, and not everything where not everything was.
      if (name.startsWith('nothing')) expect(left[name], name).toHaveLength(6);
      else expect(left[name]?.length, name).toBeLessThan(6);
    }
  });

  test.each(Object.keys(OF_ALL))('after this was taken back of all: %s', async (name) => {
    const left = await expectOneOpinion(await openGround(), { scene: [name] });
    expect(left['scene']).toEqual([]);
  });

  test(
    'after any of these',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.shuffledSubarray(Object.keys(ACTIONS), { minLength: 2, maxLength: 4 }),
          async (names) => {
            // Who is gone cannot be disabled, and what is gone not be removed.
            const gone = names.findIndex((name) => name.includes('removing'));
            const scene = gone === -1 ? names : names.slice(0, gone + 1);
            await expectOneOpinion(await openGround(), { scene });
          },
        ),
        { numRuns: rounds, endOnFailure: true },
      );
    },
    90_000 * rounds,
  );
});

test('the verifier takes nothing while it does not hear of the feed', async () => {
  const ground = await openGround();
  const { mandates } = await openScene(ground);
  const verifier = new loaded.Verifier(
    `${replica.url}/zones/${ground.zone.zoneId}`,
    ground.zone.issuer,
    ground.owner.resource,
    ground.owner.basic,
  );
  await expect(verifier.verify(mandates['own'] ?? '')).rejects.toThrow('too old to go by');
});
