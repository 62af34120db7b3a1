import type { ZoneShardMap } from './zone-shards.js';

/** What the connections of a replica follow from. */
export interface PoolSettings {
  /** How many processes share them. */
  readonly workers: number;
  /** The most connections of the replica; absent: as many as so many workers take by themselves. */
  readonly connections: number | undefined;
  /** Where the shards of a distributed database are. */
  readonly zoneShards?: Pick<ZoneShardMap, 'shards'> | null | undefined;
}

/**
 * How many connections there are of each kind, and what may be done on them at once: where the database is distributed, on
 * those to one shard.
 */
export interface PoolSizes {
  /** Those that all requests share. */
  readonly shared: number;
  /** Single reads on behalf of zones at once, and those of one zone: fewer than there are connections to share. */
  readonly zoneReads: { readonly inAll: number; readonly ofOneZone: number };
  /** Changes of the graph of agents at once, and other uses of it. */
  readonly graph: { readonly changes: number; readonly uses: number };
  /** What receivers of shared signals do at once. */
  readonly signals: number;
  /** Operators' changes at once, and those beside them that take authority away. */
  readonly ordinary: number;
  readonly urgent: number;
  /** For operators' changes: as many as have their turn, and one for short reads before that. */
  readonly changing: number;
  /** On which operators look at things. */
  readonly reading: number;
}

/** Of every process: the ledger's four, and the one that changes are heard on. */
const OTHERS_OF_EACH = 5;
/** Of one process: the jobs' four, and the one that migrates. */
const OTHERS = 5;

/** What every process has in its pools at least: six to share, three for changes of operators, one for them to look. */
const LEAST = { shared: 6, ordinary: 1, urgent: 1, reading: 1 } as const;
/** What a process has more as it may have more, one after the other. What is left after them is for all requests. */
const MORE = ['reading', 'ordinary', 'shared', 'urgent', 'reading', 'ordinary', 'shared'] as const;
/** Of the pools of a process that has no more than it needs: {@link LEAST}, and the one for short reads. */
const LEAST_POOLED = 10;

/** The fewest connections with which so many workers can do their work. */
export function leastConnections(workers: number): number {
  return workers * (LEAST_POOLED + OTHERS_OF_EACH) + OTHERS;
}

/** The most connections that a replica takes. */
export function connectionsOf({ workers, connections }: PoolSettings): number {
  return connections ?? leastConnections(workers) + (workers === 1 ? MORE.length : 0);
}

/** What one worker has of the connections of its replica. */
export function poolSizes(settings: PoolSettings): PoolSizes {
  const ofEach = Math.floor((connectionsOf(settings) - OTHERS) / settings.workers);
  const more = Math.max(0, ofEach - OTHERS_OF_EACH - LEAST_POOLED);
  const given = MORE.slice(0, more);
  const sizeOf = (kind: keyof typeof LEAST): number =>
    LEAST[kind] + given.filter((one) => one === kind).length;
  const shared = sizeOf('shared') + Math.max(0, more - MORE.length);
  const [ordinary, urgent] = [sizeOf('ordinary'), sizeOf('urgent')];
  const sizes = { shared, changing: ordinary + urgent + 1, reading: sizeOf('reading') };
  const shards = settings.zoneShards?.shards.length;
  if (shards === undefined) return { ...sizes, ...limitsOn(shared), ordinary, urgent };
  return { ...sizes, ...limitsAtShard(sizes, shards) };
}

/**
 * The most connections of a pool to one shard, where there are so many shards: not all of them are busy at once.
 *
 * @param all that the pool would have on a plain server
 */
export function connectionsToShard(all: number, shards: number): number {
  return Math.max(LEAST_TO_SHARD, Math.ceil((2 * all) / shards));
}

/** The least connections of a pool to one shard. */
const LEAST_TO_SHARD = 4;

/** What of each kind may be done at once on so many connections. */
function limitsOn(shared: number) {
  const reads = Math.floor((shared - 2) / 2);
  return {
    zoneReads: { inAll: 2 * reads, ofOneZone: reads },
    graph: { changes: Math.floor((shared * 3) / 8), uses: Math.floor(shared / 4) },
    signals: Math.floor(shared / 4),
  };
}

/** The same on connections to one shard. A zone may have the half of the few reads, or one more. */
function limitsAtShard({ shared, changing }: { shared: number; changing: number }, shards: number) {
  const there = connectionsToShard(shared, shards);
  const inAll = there - 1;
  const toChange = connectionsToShard(changing, shards) - 1;
  const urgent = Math.ceil(toChange / 3);
  return {
    ...limitsOn(there),
    zoneReads: { inAll, ofOneZone: Math.ceil(inAll / 2) },
    ordinary: toChange - urgent,
    urgent,
  };
}
