import * as fc from 'fast-check';
import { decodeJwt } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { tokenOf } from '../setup/agents.js';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { introspect } from '../setup/introspection.js';
import { order } from '../setup/orders.js';
import { persistently } from '../setup/patience.js';
import { exchangeAs, type TestClient } from '../setup/services.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

/** Random worlds; 60 is the full proof. */
const WORLDS = Number(process.env['REVOCATION_WORLDS'] ?? 5);

let replica: Replica;
let second: Replica;

beforeAll(async () => {
  [replica, second] = await Promise.all([sharedReplica(), sharedReplica('second')]);
});

/** A session mandate of one of two clients, and perhaps a mandate that it is exchanged for. */
interface Plan {
  readonly client: 0 | 1;
  readonly resources: 'a' | 'b' | 'both';
  readonly exchanged: boolean;
}

/** A mandate of a world: who has it, and what it says. */
interface Held {
  readonly token: string;
  readonly client: TestClient;
  readonly jti: string;
  readonly sid: string;
  readonly use: string;
  readonly targets: readonly string[];
  readonly ancestors: readonly string[];
}

type Target = Readonly<Record<string, unknown>>;

const plans = fc.array(
  fc.record<Plan>({
    client: fc.constantFrom(0, 1),
    resources: fc.constantFrom('a', 'b', 'both'),
    exchanged: fc.boolean(),
  }),
  { minLength: 2, maxLength: 4 },
);

function held(token: string, client: TestClient): Held {
  const { jti, sid, use, target, ancestors } = decodeJwt(token);
  return {
    token,
    client,
    jti: String(jti),
    sid: String(sid),
    use: String(use),
    targets: target as string[],
    ancestors: (ancestors ?? []) as string[],
  };
}

async function build(zone: TestZone, clients: readonly TestClient[], plan: readonly Plan[]) {
  const world: Held[] = [];
  for (const { client: which, resources, exchanged } of plan) {
    const client = clients[which] ?? zone;
    const all = [zone.resource, zone.otherResource];
    const resource = resources === 'both' ? all : [all[resources === 'a' ? 0 : 1] ?? ''];
    const credentials = { client_id: client.clientId, client_secret: client.secret };
    const wanted = { resource, scope: 'shared' };
    const token = tokenOf(await persistently(() => zone.session({ ...credentials, ...wanted })));
    world.push(held(token, client));
    if (!exchanged) continue;
    const below = await persistently(() =>
      exchangeAs(client, replica.url, token, { resource: resource[0], scope: 'shared' }),
    );
    world.push(held(tokenOf(below), client));
  }
  return world;
}

/** What an order of a kind is about, and which mandates and sessions it covers. */
function aim(kind: string, world: readonly Held[], zone: TestZone, at: number) {
  const one = world[at % world.length];
  if (one === undefined) throw new Error('an empty world');
  const aims: Readonly<Record<string, readonly [Target, (m: Held) => boolean, boolean]>> = {
    jti: [{ jti: one.jti }, (m) => m.jti === one.jti || m.ancestors.includes(one.jti), false],
    session: [{ session_id: one.sid }, (m) => m.sid === one.sid, true],
    root: [{ root_session_id: one.sid }, (m) => m.sid === one.sid, true],
    client: [
      { client_id: one.client.clientId },
      (m) => m.client.clientId === one.client.clientId,
      true,
    ],
    resource: [{ resource: zone.resource }, (m) => m.targets.includes(zone.resource), false],
    zone: [{ zone: true }, () => true, true],
  };
  const [target, covers, endsSessions] = aims[kind] ?? [{}, () => false, false];
  return { target, covers, endsSessions };
}

const isActive = async ({ token, client }: Held): Promise<boolean> => {
  const answer = await persistently(() => introspect(second.url, token, client));
  expect(answer.status).toBe(200);
  return answer.body['active'] === true;
};

const isExchanged = async ({ token, client, targets }: Held): Promise<boolean> => {
  const wanted = { resource: targets[0], scope: 'shared' };
  return (await persistently(() => exchangeAs(client, second.url, token, wanted))).status === 200;
};

test('whatever is taken back is honoured nowhere, all else goes on, and the dry run has said which', async () => {
  const covered = { some: 0, none: 0 };
  await fc.assert(
    fc.asyncProperty(
      plans,
      fc.constantFrom('jti', 'session', 'root', 'client', 'resource', 'zone'),
      fc.nat(),
      async (plan, kind, at) => {
        const zone = await createTestZone(replica);
        const clients = [zone, await zone.newClient()];
        const world = await build(zone, clients, plan);
        const { target, covers, endsSessions } = aim(kind, world, zone, at);
        for (const one of world) expect(await isActive(one)).toBe(true);

        const dry = await order(zone, target, { query: '?dry_run=true' });
        const hit = world.filter(covers);
        expect(dry.body['affects']).toMatchObject({
          mandates_unexpired: hit.length,
          sessions: endsSessions ? new Set(hit.map(({ sid }) => sid)).size : 0,
        });
        for (const one of world) expect(await isActive(one)).toBe(true);

        const made = await order(zone, target);
        expect(made.status).toBe(201);
        expect(made.body['affects']).toEqual(dry.body['affects']);
        for (const one of world) {
          expect(await isActive(one)).toBe(!covers(one));
          covered[covers(one) ? 'some' : 'none'] += 1;
          if (one.use === 'session') expect(await isExchanged(one)).toBe(!covers(one));
        }
      },
    ),
    {
      numRuns: WORLDS,
      examples: [
        [
          [
            { client: 0, resources: 'both', exchanged: true },
            { client: 1, resources: 'b', exchanged: true },
          ],
          'client',
          0,
        ],
        [
          [
            { client: 0, resources: 'a', exchanged: true },
            { client: 0, resources: 'b', exchanged: false },
          ],
          'resource',
          0,
        ],
      ],
    },
  );
  expect(covered.some).toBeGreaterThan(0);
  expect(covered.none).toBeGreaterThan(0);
});
