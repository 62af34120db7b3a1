/** A shard of zones on a distributed database: all rows of some zones, which are on one node together. */
export interface ZoneShard {
  /** The number that Citus has for the shard of `zones`. */
  readonly id: number;
  /** The hashes of its zones, from and to, both included. */
  readonly from: number;
  readonly to: number;
  /** Where its node listens. */
  readonly host: string;
  readonly port: number;
}

/** Where a node listens. */
export type NodePlace = Pick<ZoneShard, 'host' | 'port'>;
