import type { GraphBasis } from '../ledger/entry.js';
import { excesses, MAX_HOPS, type Constraints, type Grant } from './grant.js';

/** An agent session as it is on the way of a delegation. */
export interface Agent {
  readonly id: string;
  readonly clientId: string;
  readonly lifecycle: string;
  readonly labels: readonly string[];
  /** All agent sessions from the first to itself. */
  readonly path: readonly string[];
  /** Whether anything was ever delegated to it or to one above it. */
  readonly narrowed: boolean;
  /** The delegation to one above it that it is confined by. */
  readonly edgeId: string | null;
  /** The session whose mandate opened it, and the root of that. */
  readonly openedIn: readonly string[];
  /** The generations of the zone and of its client that it was opened in. */
  readonly zoneGeneration: number;
  readonly clientGeneration: number;
  /** Seconds since the epoch, whole ones. */
  readonly expiresAt: number;
  /** The same to the microsecond. */
  readonly expires: number;
  /** What the commit compares: its version and its expiry. */
  readonly state: string;
  readonly alive: boolean;
}

/** A delegation as it is stored. */
export interface Edge {
  readonly id: string;
  readonly parentId: string | null;
  readonly sourceId: string;
  readonly targetId: string;
  readonly issuerClientId: string;
  readonly receiverClientId: string;
  readonly edgePath: readonly string[];
  /** The agent sessions that the authority went through. */
  readonly path: readonly string[];
  /** All agent sessions that must be alive. */
  readonly sessions: readonly string[];
  readonly hopCount: number;
  readonly scopes: readonly string[];
  readonly resource: string | null;
  readonly constraints: Constraints;
  readonly remaining: number | null;
  /** Seconds since the epoch, whole ones. */
  readonly expiresAt: number;
  /** The same to the microsecond. */
  readonly expires: number;
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly version: string;
  readonly accepted: boolean;
  /** Neither revoked nor expired. */
  readonly alive: boolean;
}

/** The way on which authority came to an agent session, as it is stored: nothing of it is checked yet. */
export interface DelegationRoute {
  readonly acting: Agent;
  /** The number of live delegations that lead to it, where none was named. */
  readonly incoming: number;
  /** The delegation used and all above it, the first one first; empty if there is none. */
  readonly edges: readonly Edge[];
  /** Every agent session that must be alive. */
  readonly agents: readonly Agent[];
  /** The epoch of the zone's delegation graph that this was read in. */
  readonly epoch: number;
}

/** The delegation that is used: the last one. */
export function leafOf({ edges }: Pick<DelegationRoute, 'edges'>): Edge | null {
  return edges.at(-1) ?? null;
}

/** The grant that an edge hands on. */
export function grantOf({ scopes, constraints, expiresAt }: Edge): Grant {
  return {
    scopes,
    resources: constraints.resources,
    ttlSeconds: constraints.ttl_seconds ?? null,
    maxHops: constraints.max_hops,
    expiresAt,
    budget: constraints.budget ?? null,
    policyApproved: constraints.policy_approved,
  };
}

/** The exchanges that are left on a way: the least of its edges; `null` for any number. */
export function remainingOn(edges: readonly Edge[]): number | null {
  const left = edges.flatMap(({ remaining }) => (remaining === null ? [] : [remaining]));
  return left.length === 0 ? null : Math.min(...left);
}

/** The end of a way, which is that of whatever on it ends first, in seconds since the epoch. */
export function endOf({ edges, agents }: Pick<DelegationRoute, 'edges' | 'agents'>): number {
  return Math.min(...[...edges, ...agents].map(({ expiresAt }) => expiresAt));
}

/** What a mandate on a way rests on, as the commit looks it up by ids alone. */
export interface RouteSupport {
  /** What must be as it was read. */
  readonly graph: GraphBasis;
  /** When the first of it expires, in seconds since the epoch, by the database's clock. */
  readonly until: number;
  /** The sessions in which its agent sessions were opened. */
  readonly sessions: readonly string[];
  /** The clients of its agent sessions, and the parties of its delegations. */
  readonly clients: readonly string[];
}

/** 9999-12-31T23:59:59Z: what was set by hand to expire never has to be a number in JSON as well. */
const END_OF_TIME = 253_402_300_799;

/** What a mandate on a way rests on. */
export function supportOf({
  edges,
  agents,
}: Pick<DelegationRoute, 'edges' | 'agents'>): RouteSupport {
  const clients = [
    ...agents.map(({ clientId }) => clientId),
    ...edges.flatMap(({ issuerClientId, receiverClientId }) => [issuerClientId, receiverClientId]),
  ];
  return {
    graph: {
      agents: Object.fromEntries(agents.map(({ id, state }) => [id, state])),
      edges: Object.fromEntries(edges.map(({ id, version }) => [id, version])),
    },
    until: Math.min(END_OF_TIME, ...[...edges, ...agents].map(({ expires }) => expires)),
    sessions: [...new Set(agents.flatMap(({ openedIn }) => openedIn))],
    clients: [...new Set(clients)],
  };
}

/**
 * The obstacle on a route; `null` if there is none. What was checked when it was made is checked again:
 * that all of it is alive and hangs together, and that authority narrowed at every hop.
 */
export function obstacleOn(route: DelegationRoute): string | null {
  const { acting, edges, agents } = route;
  const dead = agents.find(({ alive }) => !alive);
  if (dead !== undefined) return `agent session ${dead.id} has ended`;
  const known = new Set(agents.map(({ id }) => id));
  const leaf = leafOf(route);
  const needed = [...acting.path, ...(leaf?.sessions ?? [])];
  const missing = needed.find((id) => !known.has(id));
  if (missing !== undefined) return `agent session ${missing} is gone`;
  if (leaf === null) return obstacleWithoutEdge(route);
  if (leaf.targetId !== acting.id && leaf.id !== acting.edgeId) {
    return `delegation ${leaf.id} leads to another agent session`;
  }
  const outside = confinementsOf(route).find((id) => !leaf.edgePath.includes(id));
  if (outside !== undefined) return `the agent session is confined by delegation ${outside}`;
  return obstacleAlong(edges, leaf);
}

/** The delegations that an agent session is confined by, because of sessions above it. */
export function confinementsOf({ acting, agents }: DelegationRoute): string[] {
  return agents.flatMap(({ id, edgeId }) =>
    edgeId !== null && acting.path.includes(id) ? [edgeId] : [],
  );
}

/** An agent session that was narrowed once does not get wider when the delegation is gone. */
function obstacleWithoutEdge({ acting, incoming }: DelegationRoute): string | null {
  if (!acting.narrowed) return null;
  return incoming > 1 ? 'several delegations lead here' : 'the delegation to it is gone';
}

function obstacleAlong(edges: readonly Edge[], leaf: Edge): string | null {
  if (edges.map(({ id }) => id).join() !== leaf.edgePath.join()) return 'a delegation is gone';
  if (new Set(leaf.path).size !== leaf.path.length) return 'the delegation goes in a circle';
  if (edges.length > MAX_HOPS) return 'the delegation has too many hops';
  for (const [at, edge] of edges.entries()) {
    const obstacle = obstacleAt(edge, edges[at - 1] ?? null, at + 1);
    if (obstacle !== null) return `delegation ${edge.id} ${obstacle}`;
  }
  return null;
}

function obstacleAt(edge: Edge, parent: Edge | null, hop: number): string | null {
  if (!edge.accepted) return 'has not been accepted';
  if (!edge.alive) return 'has ended';
  if (edge.remaining === 0) return 'has no budget left';
  if (edge.parentId !== (parent?.id ?? null)) return 'does not continue the one before';
  if (edge.hopCount !== hop || hop > edge.constraints.max_hops) return 'is a hop too many';
  if (parent === null) return null;
  if (!continues(edge.path, parent.path, edge)) return 'does not begin where the one before ends';
  const [constraint] = excesses(grantOf(edge), grantOf(parent));
  return constraint === undefined ? null : `exceeds its parent: ${constraint}`;
}

/** Whether a path goes on from where the parent's ended, through sessions below it, to source and target. */
function continues(path: readonly string[], before: readonly string[], edge: Edge): boolean {
  return (
    before.every((id, at) => path[at] === id) &&
    path.length > before.length &&
    path.at(-1) === edge.targetId &&
    path.at(-2) === edge.sourceId
  );
}
