import * as fc from 'fast-check';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { obstacleOn, type DelegationRoute } from '../../src/delegation/delegation-route.js';
import { Delegations } from '../../src/delegation/delegations.service.js';
import { Routes } from '../../src/delegation/routes.service.js';
import { systemClock } from '../../src/platform/config/clock.js';
import { ZoneReads } from '../../src/platform/database/zone-reads.service.js';
import { dataSourceOptions } from '../../src/schema/data-source.js';
import { sharedReplica } from '../setup/harness.js';
import { databaseOf } from '../setup/zone-database.js';
import { createTestZone } from '../setup/zone.js';

/** Random graphs; `DELEGATION_GRAPHS=200` for the whole proof. */
const GRAPHS = Number(process.env['DELEGATION_GRAPHS'] ?? 15);

let dataSource: DataSource;
let delegations: Delegations;
let zoneId: string;
let clients: readonly string[];
/** How many routes were read from the database for an exchange. */
let read = 0;

const seen = { remembered: 0, moved: 0, refused: 0, unmoved: 0 };

beforeAll(async () => {
  const replica = await sharedReplica();
  const zone = await createTestZone(replica);
  ({ zoneId } = zone);
  clients = [zone.clientId, (await zone.newClient()).clientId, (await zone.newClient()).clientId];
  const databaseUrl = await databaseOf(replica.databaseUrl, zoneId);
  dataSource = new DataSource({ ...dataSourceOptions(databaseUrl), poolSize: 2 });
  await dataSource.initialize();
  delegations = new Delegations(dataSource, new ZoneReads({ workers: 1, connections: undefined }));
});
afterAll(async () => {
  await dataSource?.destroy();
});
beforeEach(() => {
  read = 0;
});

interface Agent {
  readonly id: string;
  readonly client: string;
  readonly path: readonly string[];
  readonly session: string;
}

interface Edge {
  readonly id: string;
  readonly target: Agent;
  readonly edgePath: readonly string[];
  readonly path: readonly string[];
  readonly sessions: readonly string[];
}

/** A graph that is written as psql would: nothing but the triggers knows of the changes. */
class World {
  readonly agents: Agent[] = [];
  readonly edges: Edge[] = [];

  query(text: string, values: unknown[]): Promise<unknown> {
    return dataSource.query(text, values);
  }

  async open(client: number, parent: Agent | undefined): Promise<void> {
    const id = uuidv7();
    const agent: Agent = {
      id,
      client: parent?.client ?? clients[client % clients.length] ?? '',
      path: [...(parent?.path ?? []), id],
      session: uuidv7(),
    };
    if (agent.path.length > 10) return;
    await this.query(
      `INSERT INTO sessions (zone_id, id, root_id, client_id, subject, expires_at)
       VALUES ($1, $2, $2, $3, 'x', now() + interval '1 hour')`,
      [zoneId, agent.session, agent.client],
    );
    await this.query(
      `INSERT INTO agent_sessions (zone_id, id, client_id, session_id, root_session_id, parent_id, path, depth,
         lifecycle, labels, narrowed, edge_id, expires_at)
       SELECT $1, $2, $3, $4, $4, $5, $6, $7, 'service', '{}', coalesce(p.narrowed, false), p.edge_id,
              now() + interval '1 hour'
         FROM (SELECT 1) AS one LEFT JOIN agent_sessions p ON p.zone_id = $1 AND p.id = $5`,
      [
        zoneId,
        id,
        agent.client,
        agent.session,
        parent?.id ?? null,
        agent.path,
        agent.path.length - 1,
      ],
    );
    this.agents.push(agent);
  }

  async delegate(from: Agent, to: Agent, parent: Edge | undefined, how: How): Promise<void> {
    const above = parent?.target.id === from.id ? parent : undefined;
    const edgePath = [...(above?.edgePath ?? [])];
    if (edgePath.length >= 10 || from.id === to.id) return;
    const id = uuidv7();
    const edge: Edge = {
      id,
      target: to,
      edgePath: [...edgePath, id],
      path: [...(above?.path ?? [from.id]), to.id],
      sessions: [...new Set([...(above?.sessions ?? []), ...from.path, ...to.path])],
    };
    await this.query(
      `INSERT INTO delegation_edges (zone_id, id, source_id, target_id, issuer_client_id, receiver_client_id,
         parent_edge_id, edge_path, path, sessions, hop_count, scopes, constraints, remaining, expires_at, accepted_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '{}', $12, $13, now() + interval '1 hour',
               CASE WHEN $14 THEN now() END)`,
      [
        zoneId,
        id,
        from.id,
        to.id,
        from.client,
        to.client,
        above?.id ?? null,
        edge.edgePath,
        edge.path,
        edge.sessions,
        edge.edgePath.length,
        { resources: [], max_hops: 10, policy_approved: false },
        how.budget ? 3 : null,
        how.accepted,
      ],
    );
    this.edges.push(edge);
  }
}

interface How {
  readonly budget: boolean;
  readonly accepted: boolean;
}

/** What may be done to one agent session or one delegation, by hand or not. */
const ON_AGENTS = [
  `ended_at = now()`,
  `ended_at = NULL`,
  `expires_at = now()`,
  `expires_at = now() + interval '1 hour'`,
  `narrowed = true`,
  `narrowed = false`,
  `labels = labels || '{more}'`,
  `client_id = (SELECT id FROM clients c WHERE c.zone_id = agent_sessions.zone_id AND c.id <> agent_sessions.client_id LIMIT 1)`,
  `session_id = root_session_id`,
  `version = 1`,
] as const;
const ON_EDGES = [
  `revoked_at = now()`,
  `revoked_at = NULL`,
  `accepted_at = now()`,
  `accepted_at = NULL`,
  `expires_at = now()`,
  `expires_at = now() + interval '1 hour'`,
  `remaining = greatest(0, remaining - 1)`,
  `remaining = 5`,
  `remaining = NULL`,
  `scopes = scopes || '{more}'`,
  `hop_count = 1`,
  `version = 1`,
] as const;

/** Few, so that what is done meets what was done before. */
const nat = fc.nat(4);
const change = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('open' as const), client: nat, parent: fc.option(nat) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('delegate' as const),
      from: nat,
      to: fc.nat(2),
      parent: fc.option(nat),
      how: fc.record({
        budget: fc.boolean(),
        accepted: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false)),
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('agent' as const),
      at: nat,
      set: fc.constantFrom(...ON_AGENTS),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('edge' as const),
      at: nat,
      set: fc.constantFrom(...ON_EDGES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('confine' as const), at: nat, edge: fc.option(nat) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('end session' as const), at: nat, ended: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('delete' as const), at: nat, edge: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('nothing' as const) }) },
);

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function pick<T>(from: readonly T[], at: number | null): T | undefined {
  return at === null ? undefined : from[at % Math.max(1, from.length)];
}

async function apply(world: World, step: Change): Promise<void> {
  const { agents, edges } = world;
  switch (step.do) {
    case 'open':
      await world.open(step.client, pick(agents, step.parent));
      break;
    case 'delegate': {
      const [parent, to] = [pick(edges, step.parent), pick(agents, step.to)];
      const from = parent?.target ?? pick(agents, step.from);
      if (from !== undefined && to !== undefined) await world.delegate(from, to, parent, step.how);
      break;
    }
    case 'agent':
      await world.query(`UPDATE agent_sessions SET ${step.set} WHERE zone_id = $1 AND id = $2`, [
        zoneId,
        pick(agents, step.at)?.id,
      ]);
      break;
    case 'edge':
      await world.query(`UPDATE delegation_edges SET ${step.set} WHERE zone_id = $1 AND id = $2`, [
        zoneId,
        pick(edges, step.at)?.id,
      ]);
      break;
    case 'confine':
      await world.query(
        `UPDATE agent_sessions SET narrowed = true, edge_id = $3 WHERE zone_id = $1 AND id = $2`,
        [zoneId, pick(agents, step.at)?.id, pick(edges, step.edge)?.id ?? null],
      );
      break;
    case 'end session':
      await world.query(
        `UPDATE sessions SET ended_at = CASE WHEN $3 THEN now() END WHERE zone_id = $1 AND id = $2`,
        [zoneId, pick(agents, step.at)?.session, step.ended],
      );
      break;
    case 'delete':
      await world.query(
        `DELETE FROM ${step.edge ? 'delegation_edges' : 'agent_sessions'} WHERE zone_id = $1 AND id = $2`,
        [zoneId, pick<{ id: string }>(step.edge ? edges : agents, step.at)?.id],
      );
      break;
    default:
  }
}

/** What an exchange takes from a route: how many others lead to the session matters where none was chosen only. */
function essence(route: DelegationRoute) {
  const agents = route.agents.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const { incoming: _, ...rest } = route;
  // Nothing is said of the epoch where nothing was delegated.
  return { ...rest, agents, epoch: route.edges.length === 0 ? 0 : route.epoch };
}

/** What an exchange comes to on the way that is found: the way if it is committed on it, or the obstacle. */
async function exchange(routes: Routes, agent: string, edge: string | null) {
  for (let evaluation = 1; ; evaluation += 1) {
    const before = read;
    // oxlint-disable-next-line no-await-in-loop
    const found = await routes.forEvaluation(evaluation).route(zoneId, agent, edge, obstacleOn);
    if (read === before) seen.remembered += 1;
    if (found === null) return null;
    if (found.obstacle !== null) {
      expect(read).toBe(before + 1);
      seen.refused += 1;
      return { obstacle: found.obstacle };
    }
    if (found.support === null) throw new Error('nothing moved meanwhile');
    const { graph, until, sessions, clients: ids } = found.support;
    // oxlint-disable-next-line no-await-in-loop
    const [row] = await dataSource.query<{ unchanged: boolean; live: boolean }[]>(
      'SELECT graph_unchanged($1, $2) AS unchanged, agency_live($1, $3, $4, $5) AS live',
      [zoneId, graph, until, sessions, ids],
    );
    if (row?.unchanged === true) return row.live ? essence(found.route) : { obstacle: 'dead' };
    // What was read just now has not moved.
    expect(evaluation).toBe(1);
    expect(read).toBe(before);
    seen.moved += 1;
  }
}

test('what is remembered and found unchanged is what is read, whatever is done to the graph', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 20, maxLength: 60 }), async (steps) => {
      const world = new World();
      const counting: Pick<Delegations, 'route'> = {
        route: (...wanted) => {
          read += 1;
          return delegations.route(...wanted);
        },
      };
      const routes = new Routes(
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what routes use of them
        counting as Delegations,
        dataSource,
        new ZoneReads({ workers: 1, connections: undefined }),
        systemClock,
        { workers: 1 },
      );
      for (const step of steps) {
        // oxlint-disable-next-line no-await-in-loop
        await apply(world, step);
        const asked = [
          ...world.edges.slice(0, 5).map(({ id, target }) => [target.id, id] as const),
          ...world.agents.slice(0, 4).map(({ id }) => [id, null] as const),
        ];
        for (const [agent, edge] of asked) {
          // oxlint-disable-next-line no-await-in-loop
          const answer = await exchange(routes, agent, edge);
          // oxlint-disable-next-line no-await-in-loop
          const fresh = await delegations.route(zoneId, agent, edge);
          if (fresh === null) {
            expect(answer).toBeNull();
            continue;
          }
          const obstacle = obstacleOn(fresh);
          if (obstacle === null) expect(answer).toEqual(essence(fresh));
          else expect(answer).toEqual({ obstacle: expect.any(String) });
          if (obstacle === null) seen.unmoved += 1;
        }
      }
    }),
    { numRuns: GRAPHS },
  );
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(GRAPHS);
}, 300_000);
