import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import { ZoneReads } from '../platform/database/zone-reads.service.js';
import { endOf, supportOf, type DelegationRoute, type RouteSupport } from './delegation-route.js';
import { Delegations } from './delegations.service.js';
import { RouteMemory, routeLimits, type KnownRoute } from './route-memory.js';

/** A route that was found, and judged. */
export interface FoundRoute {
  readonly route: DelegationRoute;
  /** What stands in the way, as it was read just now; `null` if nothing does. */
  readonly obstacle: string | null;
  /** What the commit compares; `null` if it has to look up the way itself. */
  readonly support: RouteSupport | null;
}

/** Finds what stands in the way of a request on a route; `null` if nothing does. */
export type Judge = (route: DelegationRoute) => string | null | Promise<string | null>;

/** The evaluation of a request, from this one on, for which the commit looks up the way itself. */
const LAST_RESORT = 3;

/**
 * Finds the routes of exchanges: in memory, as far as they were read before.
 *
 * What is in memory may be old. So the commit compares all that a route rests on (`graph_unchanged`), and the request
 * is evaluated again if it has moved: then on what is read. Should that move as well, the commit does not compare it a
 * third time, but looks up the way itself, so that no change anywhere can keep a request from its answer. A refusal is
 * never for what was remembered.
 *
 * A mandate says the epoch of the graph. While the graph is calm, that is the one in memory, and compared, too; in a
 * graph that has moved within the last quarter of a second it is read, and what is left of a budget always is: by one
 * look-up, and nothing else of the route with it.
 */
@Injectable()
export class Routes {
  private readonly memory: RouteMemory;

  constructor(
    private readonly delegations: Delegations,
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly reads: ZoneReads,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(ENV) { workers }: Pick<RunningEnv, 'workers'>,
  ) {
    this.memory = new RouteMemory(routeLimits(workers));
  }

  /**
   * The routes for one evaluation of a request.
   *
   * @param evaluation 1 for the first; more after what it rested on had moved
   */
  forEvaluation(evaluation: number) {
    return {
      route: (zoneId: string, agentSessionId: string, edgeId: string | null, judge: Judge) =>
        this.find({ zoneId, agentSessionId, edgeId, judge, evaluation }),
    };
  }

  private async find(wanted: Wanted): Promise<FoundRoute | null> {
    const { zoneId, agentSessionId, edgeId, judge, evaluation } = wanted;
    if (evaluation === 1) {
      const remembered = await this.remembered(wanted);
      if (remembered !== null) return remembered;
    }
    const route = await this.delegations.route(zoneId, agentSessionId, edgeId);
    if (route === null) {
      this.memory.forget(zoneId, agentSessionId, edgeId);
      return null;
    }
    this.memory.see(zoneId, route.epoch, this.clock.now());
    const obstacle = await judge(route);
    if (obstacle !== null || mayGainSilently(route, edgeId)) {
      this.memory.forget(zoneId, agentSessionId, edgeId);
      const support = obstacle !== null || evaluation < LAST_RESORT ? supportOf(route) : null;
      return { route, obstacle, support };
    }
    const { support } = this.memory.remember(zoneId, agentSessionId, edgeId, route);
    return { route, obstacle, support: evaluation < LAST_RESORT ? support : null };
  }

  /** A route in memory on which nothing stands in the way, brought up to date; `null` if there is none. */
  private async remembered({
    zoneId,
    agentSessionId,
    edgeId,
    judge,
  }: Wanted): Promise<FoundRoute | null> {
    const known = this.memory.recall(zoneId, agentSessionId, edgeId);
    if (known === undefined) return null;
    const found = this.unread(zoneId, known) ?? (await this.upToDate(zoneId, known));
    const { route } = found;
    // By the database's clock it may be alive still, or again: that is found out by reading.
    const over = endOf(route) * 1_000 <= this.clock.now();
    return over || (await judge(route)) !== null ? null : { ...found, obstacle: null };
  }

  /** A route as it is in memory, if that is enough: one without a budget, of a graph that is calm. */
  private unread(zoneId: string, { route, support }: KnownRoute): Found | null {
    // Nothing is said of the epoch where nothing was delegated.
    if (route.edges.length === 0) return { route, support };
    if (route.edges.some(({ remaining }) => remaining !== null)) return null;
    const epoch = this.memory.calmEpoch(zoneId, this.clock.now());
    if (epoch === null) return null;
    return {
      route: { ...route, epoch },
      support: { ...support, graph: { ...support.graph, epoch: String(epoch) } },
    };
  }

  private async upToDate(zoneId: string, { route, support }: KnownRoute): Promise<Found> {
    const budgeted = route.edges.filter(({ remaining }) => remaining !== null);
    const ids = budgeted.map(({ id }) => id);
    const [row] = await this.reads.read(zoneId, () =>
      this.dataSource.query<{ now: Now }[]>(NOW, [zoneId, ids]),
    );
    if (row === undefined) throw new Error('the database did not answer');
    const { epoch, remaining } = row.now;
    this.memory.see(zoneId, epoch, this.clock.now());
    const edges = route.edges.map((edge) =>
      edge.remaining === null ? edge : { ...edge, remaining: remaining[edge.id] ?? 0 },
    );
    return { route: { ...route, edges, epoch }, support };
  }
}

/**
 * Whether an agent session that acts on no delegation may act on one without anything of its route having another
 * version: where several lead to it, as soon as all but one of them are dead.
 */
function mayGainSilently(
  { acting, incoming, edges }: DelegationRoute,
  named: string | null,
): boolean {
  return named === null && edges.length === 0 && (incoming > 0 || acting.edgeId !== null);
}

interface Wanted {
  readonly zoneId: string;
  readonly agentSessionId: string;
  readonly edgeId: string | null;
  readonly judge: Judge;
  readonly evaluation: number;
}

type Found = Pick<FoundRoute, 'route'> & { readonly support: RouteSupport };

/** What of a route changes without another version of it. */
interface Now {
  readonly epoch: number;
  /** By the id of the edge. */
  readonly remaining: Readonly<Record<string, number | null>>;
}

const NOW = 'SELECT delegation_now($1, $2) AS now';
