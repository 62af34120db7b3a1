import { isUuid } from '../../oauth/vocabulary.js';
import { scope } from './shard-scope.js';
import { zoneHash } from './zone-hash.js';
import type { NodePlace, ZoneShard } from './zone-shard.js';

/** Where the shards of a distributed database are. */
export interface ZoneShardMap {
  /** `postgres://…` of a node that knows of all. */
  readonly databaseUrl: string;
  /** `postgres://…` of the coordinator, which alone makes tables and removes them. */
  readonly coordinatorUrl: string;
  readonly shards: readonly ZoneShard[];
  /** Nodes that could not be made ready for sessions that work on shards: none is begun there. */
  readonly unready?: readonly NodePlace[];
}

/** SQLSTATE of what is asked of a shard where it is not, or not yet (`zone-shards.sql`). */
const ELSEWHERE = 'MZ001';

/** Thrown for a shard on a node that is not ready for it: it was away when that was tried last. */
class ShardAway extends Error {
  override readonly name = 'ShardAway';
  readonly code = ELSEWHERE;
}

/** The schema in which a session finds the tables of one shard, by their plain names (`zone-shards.sql`). */
export function schemaOf({ id }: Pick<ZoneShard, 'id'>): string {
  return `zone_shard_${id}`;
}

/** What such a session finds when the shard has moved away, and its tables and their schema are gone. */
const GONE_SCHEMA = 'zone_shard_gone';

/**
 * The shards of a distributed database, and which of them the work under way is about. To a session that is at the node of a
 * shard, and finds the tables of the shard first, the shard is what the whole database is elsewhere: every statement and
 * every SQL function runs there as it is, with the locks, triggers and notifications of one server.
 */
export class ZoneShards {
  readonly all: readonly ZoneShard[];
  private readonly databaseUrl: string;
  /** Where shards are that have moved since the process began, by their numbers. */
  private readonly moved = new Map<number, NodePlace>();
  private readonly onMove: ((shard: ZoneShard) => void)[] = [];
  private readonly onDoubt: (() => void)[] = [];
  /** Nodes that are not ready, by {@link nameOf}. */
  private unready: ReadonlySet<string>;

  constructor({
    databaseUrl,
    shards,
    unready = [],
  }: Pick<ZoneShardMap, 'databaseUrl' | 'shards' | 'unready'>) {
    this.databaseUrl = databaseUrl;
    this.all = shards;
    this.unready = new Set(unready.map(nameOf));
  }

  /** The shard of a zone, whether or not there is such a zone. @param zoneId a UUID */
  of(zoneId: string): ZoneShard {
    const hash = zoneHash(zoneId);
    const shard = this.all.find(({ from, to }) => from <= hash && hash <= to);
    if (shard === undefined) throw new Error('no shard has the zone');
    return shard;
  }

  /** The shard that the work under way is about; `null` if it is about none, or about all. */
  get current(): ZoneShard | null {
    return scope.getStore()?.shard ?? null;
  }

  /** Does something that is about one zone. */
  inZone<T>(zoneId: string, work: () => T): T {
    return this.inShard(this.of(zoneId), work);
  }

  /** Does something that is about the zones of one shard. */
  inShard<T>(shard: ZoneShard, work: () => T): T {
    return scope.run({ shard, open: false }, work);
  }

  /** Does something that is about all zones. */
  inAll<T>(work: () => T): T {
    return scope.run({ shard: null, open: false }, work);
  }

  /** Answers a request, of which it is found out on the way what zone it is about. @param path may name one; with its query */
  inRequest(path: string, answer: () => void): void {
    // What is behind the path is a caller's, and names nothing.
    const zoneId = ZONE_IN_PATH.exec(path.split('?', 1)[0] ?? '')?.[1];
    const shard = zoneId === undefined ? null : this.of(zoneId);
    scope.run({ shard, open: true }, answer);
  }

  /** Says what zone the request under way is about, unless that was known. */
  found(zoneId: string): void {
    const found = scope.getStore();
    // What no zone can be called is of none.
    if (found?.open === true && isUuid(zoneId)) found.shard ??= this.of(zoneId);
  }

  /**
   * Where a session is at home that works on a shard: `postgres://…`, with what it begins with.
   *
   * @throws an error of a database that is away if its node is not ready
   */
  urlOf(shard: ZoneShard): string {
    if (this.unready.has(nameOf(this.placeOf(shard)))) {
      throw new ShardAway(`the node of the shard ${shard.id} of zones is not ready`);
    }
    const url = this.urlAt(shard);
    const path = `${schemaOf(shard)},${GONE_SCHEMA},public`;
    // What Citus refuses to sessions that may not know what they do: the schema's triggers do (zone-shards.sql). And views of
    // shards look costly to PostgreSQL, which would compile short statements for longer than they take.
    url.searchParams.set(
      'options',
      `-c search_path=${path} -c citus.enable_manual_changes_to_shards=on -c jit=off`,
    );
    return url.href;
  }

  /** Each node that has zones, once. */
  shardUrls(): string[] {
    return [...new Set(this.all.map((shard) => this.urlAt(shard).href))];
  }

  /** The same, and the node of `DATABASE_URL`. */
  nodeUrls(): string[] {
    return [...new Set([new URL(this.databaseUrl).href, ...this.shardUrls()])];
  }

  /** Where a shard is now, as far as is known. */
  placeOf(shard: ZoneShard): NodePlace {
    return this.moved.get(shard.id) ?? shard;
  }

  /**
   * Whether all is as it was known.
   *
   * @param read where the shards are
   * @param unready the nodes that are not ready; none are to be
   */
  isCurrent(read: readonly ZoneShard[], unready: readonly NodePlace[] = []): boolean {
    const same =
      unready.length === this.unready.size && unready.every((one) => this.unready.has(nameOf(one)));
    return same && !this.haveMoved(read);
  }

  /** Whether any shard is elsewhere by what was read. */
  haveMoved(read: readonly ZoneShard[]): boolean {
    return this.elsewhere(read).length > 0;
  }

  /** The nodes that are not ready, as `host:port`. */
  get unreadyNodes(): ReadonlySet<string> {
    return this.unready;
  }

  /** Believes what was read of where the shards are, and which nodes are not ready for them. */
  update({ shards: read, unready = [] }: Pick<ZoneShardMap, 'shards' | 'unready'>): void {
    this.unready = new Set(unready.map(nameOf));
    for (const shard of this.elsewhere(read)) {
      this.moved.set(shard.id, { host: shard.host, port: shard.port });
      for (const told of this.onMove) told(shard);
    }
  }

  private elsewhere(read: readonly ZoneShard[]): ZoneShard[] {
    return read.filter((one) => {
      const before = this.all.find(({ id }) => id === one.id);
      if (before === undefined) return false;
      const { host, port } = this.placeOf(before);
      return host !== one.host || port !== one.port;
    });
  }

  /** Has somebody told of each shard that has moved. */
  whenMoved(told: (shard: ZoneShard) => void): void {
    this.onMove.push(told);
  }

  /** Looks at what a session at home in a shard has thrown: whether the shard may be elsewhere. */
  noteError(error: unknown): void {
    if (!(error instanceof Error) || Reflect.get(error, 'code') !== ELSEWHERE) return;
    for (const told of this.onDoubt) told();
  }

  /** Has somebody told when it should be looked where the shards are. */
  whenInDoubt(told: () => void): void {
    this.onDoubt.push(told);
  }

  private urlAt(shard: ZoneShard): URL {
    const { host, port } = this.placeOf(shard);
    const url = new URL(this.databaseUrl);
    url.hostname = host;
    url.port = String(port);
    return url;
  }
}

function nameOf({ host, port }: NodePlace): string {
  return `${host}:${port}`;
}

const ZONE_IN_PATH = /\/zones\/([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})(?![\da-f-])/i;

/** What of the environment of a process says where shards are. */
interface WithShards {
  readonly zoneShards?: ZoneShardMap | null | undefined;
}

const known = new WeakMap<ZoneShardMap, ZoneShards>();

/** The shards of the database that a process is started with; `null` where it is one plain server. */
export function zoneShardsOf({ zoneShards: map }: WithShards): ZoneShards | null {
  if (map === undefined || map === null) return null;
  const before = known.get(map);
  if (before !== undefined) return before;
  const made = new ZoneShards(map);
  known.set(map, made);
  return made;
}
