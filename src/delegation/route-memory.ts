import { LRUCache } from 'lru-cache';
import { atMost } from '../platform/at-most.js';
import { shareOf } from '../platform/workers/share.js';
import { supportOf, type DelegationRoute, type RouteSupport } from './delegation-route.js';

/** How much is remembered, in bytes as {@link RouteMemory} counts them. */
export interface RouteLimits {
  /** Of one zone, so that the routes of a zone push out its own only. */
  readonly bytesOfZone: number;
  /** Of all zones together: beyond, the zone is forgotten that was asked longest ago. */
  readonly bytes: number;
  /** Of one route: agent sessions may have many labels. */
  readonly bytesOfRoute: number;
  /** The most zones of which something is remembered. */
  readonly zones: number;
}

const LIMITS: RouteLimits = {
  bytesOfZone: 4 * 1024 * 1024,
  bytes: 64 * 1024 * 1024,
  bytesOfRoute: 128 * 1024,
  zones: 10_000,
};

/** The limits of one worker of several, which have the memory of one together. */
export function routeLimits(workers: number): RouteLimits {
  const { bytesOfZone, bytes } = LIMITS;
  return { ...LIMITS, bytes: shareOf(bytes, workers, bytesOfZone) };
}

/** Milliseconds after which a graph whose epoch has moved counts as calm again. */
const CALM_AFTER_MS = 250;

/** Bytes of a route beside its texts: the objects, and its place in the cache. */
const OVERHEAD = 512;

/** A route that was read, and what a mandate on it rests on. */
export interface KnownRoute {
  readonly route: DelegationRoute;
  readonly support: RouteSupport;
}

interface ZoneMemory {
  readonly routes: LRUCache<string, KnownRoute>;
  /** The last epoch of the graph that was seen. */
  epoch: number;
  /** When an epoch was seen that was not the one before, in milliseconds; `null` if none was. */
  movedAt: number | null;
}

/**
 * The routes that were read last, by zone. They may be old, and nothing tells that: the commit compares what they rest
 * on. So what was remembered is never the reason of a refusal, and only routes without an obstacle are remembered.
 */
export class RouteMemory {
  /** Asked longest ago last. */
  private readonly zones: LRUCache<string, ZoneMemory>;
  private total = 0;

  constructor(private readonly limits: RouteLimits) {
    this.zones = new LRUCache({
      ...atMost(limits.zones),
      dispose: ({ routes }) => {
        this.total -= routes.calculatedSize;
        routes.clear();
      },
    });
  }

  /** Bytes that are remembered of all zones. */
  get bytes(): number {
    return this.total;
  }

  /** The route of an agent session on a delegation, or on what confines it if none is named. */
  recall(zoneId: string, agentSessionId: string, edgeId: string | null): KnownRoute | undefined {
    return this.zones.get(zoneId)?.routes.get(keyOf(agentSessionId, edgeId));
  }

  /** Remembers a route on which there is no obstacle, and makes it immutable, since all who recall it share it. */
  remember(
    zoneId: string,
    agentSessionId: string,
    edgeId: string | null,
    route: DelegationRoute,
  ): KnownRoute {
    const support = supportOf(route);
    const known = frozen({ route, support });
    const size = OVERHEAD + 2 * JSON.stringify(known).length;
    if (size > this.limits.bytesOfRoute) return known;
    const zone = this.zones.get(zoneId) ?? this.newZone(zoneId, route.epoch);
    const before = zone.routes.calculatedSize;
    zone.routes.set(keyOf(agentSessionId, edgeId), known, { size });
    this.total += zone.routes.calculatedSize - before;
    while (this.total > this.limits.bytes && this.zones.pop() !== undefined);
    return known;
  }

  /** Forgets a route that cannot be used any more. */
  forget(zoneId: string, agentSessionId: string, edgeId: string | null): void {
    const zone = this.zones.peek(zoneId);
    if (zone === undefined) return;
    const before = zone.routes.calculatedSize;
    zone.routes.delete(keyOf(agentSessionId, edgeId));
    this.total += zone.routes.calculatedSize - before;
  }

  /**
   * The epoch of the graph of a zone, if it has not moved for a while and can be expected to be the same at the commit;
   * otherwise `null`: it is to be read.
   *
   * @param now milliseconds
   */
  calmEpoch(zoneId: string, now: number): number | null {
    const zone = this.zones.peek(zoneId);
    if (zone === undefined) return null;
    return zone.movedAt !== null && now - zone.movedAt < CALM_AFTER_MS ? null : zone.epoch;
  }

  /** Notes an epoch that was read. Of two that were read at once, the wrong one may stay, until it is compared. */
  see(zoneId: string, epoch: number, now: number): void {
    const zone = this.zones.peek(zoneId);
    if (zone === undefined || epoch === zone.epoch) return;
    zone.epoch = epoch;
    zone.movedAt = now;
  }

  private newZone(zoneId: string, epoch: number): ZoneMemory {
    const zone: ZoneMemory = {
      routes: new LRUCache({ maxSize: this.limits.bytesOfZone }),
      epoch,
      movedAt: null,
    };
    this.zones.set(zoneId, zone);
    return zone;
  }
}

/** Ids have one form, and no space in it. */
function keyOf(agentSessionId: string, edgeId: string | null): string {
  return `${agentSessionId} ${edgeId ?? ''}`;
}

function frozen<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null) frozen(member);
  }
  return Object.freeze(value);
}
