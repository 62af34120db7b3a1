import { shareOf } from '../workers/share.js';

/** How many connections there are of each kind, and what may be done on them at once. */
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

/** What one worker has. @param workers how many there are, which share what one alone would have */
export function poolSizes(workers: number): PoolSizes {
  const ordinary = shareOf(3, workers);
  const urgent = shareOf(2, workers);
  const reads = shareOf(6, workers, 4);
  return {
    shared: shareOf(8, workers, 6),
    zoneReads: { inAll: reads, ofOneZone: reads / 2 },
    graph: { changes: shareOf(3, workers), uses: shareOf(2, workers) },
    signals: shareOf(2, workers),
    ordinary,
    urgent,
    changing: ordinary + urgent + 1,
    reading: shareOf(3, workers),
  };
}

/** The most connections that a replica takes. */
export function connectionsOf(workers: number): number {
  const { shared, changing, reading } = poolSizes(workers);
  return workers * (shared + changing + reading + OTHERS_OF_EACH) + OTHERS;
}
