import * as fc from 'fast-check';
import { decodeJwt } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { verifyDelegationChain } from '../../src/delegation/verify-chain.js';
import { applicationOf, type TestApplication } from '../setup/agents.js';
import { rows, sharedReplica, type Replica } from '../setup/harness.js';
import { createTestZone, type TestZone } from '../setup/zone.js';

/** Random graphs; `DELEGATION_GRAPHS=200` for the whole proof. */
const GRAPHS = Number(process.env['DELEGATION_GRAPHS'] ?? 20);

const SCOPES = ['s1', 's2', 's3', 's4'];
const RESOURCES = ['resource://one', 'resource://two', 'resource://three'];

let replica: Replica;
let zone: TestZone;
let apps: readonly TestApplication[];

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
  for (const identifier of RESOURCES) {
    // oxlint-disable-next-line no-await-in-loop
    await zone.admin('POST', '/resources', { identifier, scopes: SCOPES });
  }
  apps = [await applicationOf(zone, zone), await applicationOf(zone), await applicationOf(zone)];
});
/** What is allowed somewhere in the graph, as the test knows it: worked out from what was granted above. */
interface Allowed {
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  readonly ttl: number;
  readonly maxHops: number;
  readonly expiresAt: number;
  readonly hops: number;
  readonly edges: readonly string[];
}

interface Agent {
  readonly id: string;
  readonly app: number;
  /** `null` for what nobody delegated to yet. */
  readonly allowed: Allowed | null;
}

const limits = fc.record({
  scopes: fc.subarray(SCOPES),
  resources: fc.option(fc.subarray(RESOURCES, { minLength: 1 }), { nil: undefined }),
  ttl: fc.option(fc.integer({ min: 30, max: 900 }), { nil: undefined }),
  maxHops: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
  budget: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  expiresIn: fc.option(fc.integer({ min: 60, max: 3_600 }), { nil: undefined }),
});
/** Most of what is asked for fits, so that graphs grow; the rest must be refused. */
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('delegate' as const),
      from: fc.nat(),
      app: fc.nat(2),
      fit: fc.integer({ min: 0, max: 9 }),
      limits,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('child' as const), from: fc.nat() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('exchange' as const),
      from: fc.nat(),
      named: fc.boolean(),
      scope: fc.option(fc.subarray(SCOPES, { minLength: 1 }), { nil: undefined }),
      resources: fc.subarray(RESOURCES, { minLength: 1 }),
      fit: fc.integer({ min: 0, max: 9 }),
    }),
  },
);

const seen = { edges: 0, refusedEdges: 0, mandates: 0, refusedMandates: 0, deepest: 0 };

function only(these: readonly string[], those: readonly string[]): string[] {
  return these.filter((one) => those.includes(one));
}

/** One random graph, and what becomes of random exchanges in it. */
class World {
  private readonly budgets = new Map<string, number>();
  private readonly drawn = new Map<string, number>();
  private constructor(
    private readonly agents: Agent[],
    private readonly bearers: readonly string[],
  ) {}

  static async begin(): Promise<World> {
    const bearers = await Promise.all(
      apps.map((app) => app.bearer({ scope: SCOPES.join(' '), resource: RESOURCES })),
    );
    const root = await apps[0]?.call(
      'POST',
      '/agent-sessions',
      { lifecycle: 'task', ttl_seconds: 3_600 },
      { token: bearers[0] ?? null },
    );
    return new World([{ id: String(root?.body['id']), app: 0, allowed: null }], bearers);
  }

  private pick(at: number): Agent {
    const agent = this.agents[at % this.agents.length];
    if (agent === undefined) throw new Error('no agent');
    return agent;
  }

  private ask(app: number, method: string, path: string, body?: object) {
    const application = apps[app];
    if (application === undefined) throw new Error('no application');
    return application.call(method, path, body, { token: this.bearers[app] ?? null });
  }

  async child(from: number): Promise<void> {
    const parent = this.pick(from);
    const { status, body } = await this.ask(parent.app, 'POST', '/agent-sessions', {
      lifecycle: 'task',
      ttl_seconds: 3_600,
      parent_id: parent.id,
    });
    // Only depth can stand in the way.
    if (status !== 201) expect(body['error']).toBe('invalid_grant');
    else this.agents.push({ id: String(body['id']), app: parent.app, allowed: parent.allowed });
  }

  async delegate(
    from: number,
    app: number,
    fit: number,
    wish: {
      scopes: readonly string[];
      resources?: readonly string[] | undefined;
      ttl?: number | undefined;
      maxHops?: number | undefined;
      budget?: number | undefined;
      expiresIn?: number | undefined;
    },
  ): Promise<void> {
    const source = this.pick(from);
    const { allowed } = source;
    const fits = fit > 1;
    const resources = fits && allowed !== null ? undefined : wish.resources;
    const opened = await this.ask(app, 'POST', '/agent-sessions', {
      lifecycle: 'task',
      ttl_seconds: 3_600,
    });
    const target = String(opened.body['id']);
    const made = await this.ask(source.app, 'POST', '/delegations', {
      source_session_id: source.id,
      target_session_id: target,
      scopes: fits && allowed !== null ? only(wish.scopes, allowed.scopes) : wish.scopes,
      constraints: {
        resources,
        ttl_seconds: fits && allowed !== null ? undefined : wish.ttl,
        max_hops: fits && allowed !== null ? undefined : wish.maxHops,
        budget: fits && allowed !== null ? undefined : wish.budget,
      },
      expires_in: fits && allowed !== null ? undefined : wish.expiresIn,
    });
    if (made.status !== 201) {
      seen.refusedEdges += 1;
      return;
    }
    seen.edges += 1;
    const edge = made.body as {
      id: string;
      scopes: string[];
      hop_count: number;
      expires_at: string;
      remaining_budget: number | null;
      constraints: { resources: string[]; ttl_seconds?: number; max_hops: number };
    };
    if (app !== source.app) await this.ask(app, 'POST', `/delegations/${edge.id}/accept`);
    const next: Allowed = {
      scopes: edge.scopes,
      resources: edge.constraints.resources,
      ttl: edge.constraints.ttl_seconds ?? 900,
      maxHops: edge.constraints.max_hops,
      expiresAt: Date.parse(edge.expires_at) / 1_000,
      hops: edge.hop_count,
      edges: [...(allowed?.edges ?? []), edge.id],
    };
    if (allowed !== null) {
      expect(only(next.scopes, allowed.scopes)).toEqual(next.scopes);
      expect(only(next.resources, allowed.resources)).toEqual(next.resources);
      expect(next.ttl).toBeLessThanOrEqual(allowed.ttl);
      expect(next.maxHops).toBeLessThanOrEqual(allowed.maxHops);
      expect(next.expiresAt).toBeLessThanOrEqual(allowed.expiresAt);
    }
    expect(next.hops).toBe((allowed?.hops ?? 0) + 1);
    expect(next.hops).toBeLessThanOrEqual(next.maxHops);
    if (edge.remaining_budget !== null) {
      this.budgets.set(edge.id, edge.remaining_budget);
      expect(edge.remaining_budget).toBeLessThanOrEqual(this.leftOn(allowed?.edges ?? []));
    }
    this.agents.push({ id: target, app, allowed: next });
    seen.deepest = Math.max(seen.deepest, next.hops);
  }

  async exchange(
    from: number,
    named: boolean,
    fit: number,
    wish: { scope?: readonly string[] | undefined; resources: readonly string[] },
  ): Promise<void> {
    const agent = this.pick(from);
    const { allowed } = agent;
    const app = apps[agent.app];
    const inReach = only(wish.resources, allowed?.resources ?? RESOURCES);
    const resources = fit > 1 && inReach.length > 0 ? inReach : wish.resources;
    const scope =
      fit > 1 && wish.scope !== undefined
        ? only(wish.scope, allowed?.scopes ?? SCOPES).join(' ') || undefined
        : wish.scope?.join(' ');
    const answer = await app?.exchange({
      subject_token: this.bearers[agent.app],
      agent_session_id: agent.id,
      resource: resources,
      scope,
      ...(named && allowed !== null ? { delegation_edge_id: allowed.edges.at(-1) } : {}),
    });
    if (answer?.status !== 200) {
      seen.refusedMandates += 1;
      expect([400]).toContain(answer?.status);
      return;
    }
    seen.mandates += 1;
    const claims = decodeJwt<Record<string, unknown>>(String(answer.body['access_token']));
    expect(verifyDelegationChain(claims).valid).toBe(true);
    expect(claims['agent_session_id']).toBe(agent.id);
    if (allowed === null) {
      expect('delegation_chain' in claims).toBe(false);
      return;
    }
    const granted = String(claims['scope']).split(' ').filter(Boolean);
    expect(only(granted, allowed.scopes)).toEqual(granted);
    const audience = [claims.aud ?? []].flat();
    expect(only(audience, allowed.resources)).toEqual(audience);
    expect(Number(claims.exp) - Number(claims.iat)).toBeLessThanOrEqual(allowed.ttl);
    expect(Number(claims.exp)).toBeLessThanOrEqual(allowed.expiresAt);
    expect(claims['hop_count']).toBe(allowed.hops);
    expect(claims['delegation_path']).toEqual(allowed.edges);
    expect(this.leftOn(allowed.edges)).toBeGreaterThan(0);
    for (const edge of allowed.edges) this.drawn.set(edge, (this.drawn.get(edge) ?? 0) + 1);
  }

  /** How many exchanges must be left on a way. */
  private leftOn(edges: readonly string[]): number {
    return Math.min(
      Number.POSITIVE_INFINITY,
      ...edges.flatMap((edge) => {
        const budget = this.budgets.get(edge);
        return budget === undefined ? [] : [budget - (this.drawn.get(edge) ?? 0)];
      }),
    );
  }

  /** Whether the database has counted as we have. */
  async checkBudgets(): Promise<void> {
    const stored = await rows<{ id: string; remaining: string }>(
      replica.databaseUrl,
      'SELECT id, remaining FROM delegation_edges WHERE id = ANY ($1)',
      [[...this.budgets.keys()]],
    );
    for (const { id, remaining } of stored) {
      expect(Number(remaining)).toBe((this.budgets.get(id) ?? 0) - (this.drawn.get(id) ?? 0));
    }
  }
}

test('over random graphs no delegation and no mandate ever has what was not there above it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 30 }), async (steps) => {
      const world = await World.begin();
      for (const one of steps) {
        // Each step stands on what came of those before it.
        // oxlint-disable-next-line no-await-in-loop
        await (one.do === 'child'
          ? world.child(one.from)
          : one.do === 'delegate'
            ? world.delegate(one.from, one.app, one.fit, one.limits)
            : world.exchange(one.from, one.named, one.fit, one));
      }
      await world.checkBudgets();
    }),
    { numRuns: GRAPHS, endOnFailure: true },
  );
  // A run in which little was granted would prove little.
  expect(seen.edges).toBeGreaterThan(GRAPHS);
  expect(seen.refusedEdges).toBeGreaterThan(GRAPHS / 10);
  expect(seen.mandates).toBeGreaterThan(GRAPHS);
  expect(seen.refusedMandates).toBeGreaterThan(GRAPHS / 10);
  expect(seen.deepest).toBeGreaterThan(1);
});
