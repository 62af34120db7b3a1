import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import { LRUCache } from 'lru-cache';
import type { Counter } from 'prom-client';
import type { DataSource } from 'typeorm';
import type { ClientView } from '../clients/client-view.js';
import { Clients } from '../clients/clients.service.js';
import { SeenClients } from '../clients/seen-clients.js';
import { atMost } from '../../platform/at-most.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { shareOf } from '../../platform/workers/share.js';
import { findInShards } from '../../platform/database/each-shard.js';
import { zoneShardsOf, type ZoneShards } from '../../platform/database/zone-shards.js';
import { JoinedShardReads } from '../../platform/database/joined-shard-reads.js';
import { ChangeFeed, type ChangeListener } from '../../platform/database/change-feed.js';
import type { KeyRing } from '../../keys/signing/key-ring.js';
import { KeySets } from '../../keys/publishing/key-sets.service.js';
import { CustodyUnavailable } from '../../sealing/key-encryption.js';
import { CompileAhead } from '../../policy/background/compile-ahead.service.js';
import type { Basis } from './basis.js';
import { whichAreCurrent, whichExist } from './check-zones.js';
import { NotServedHere } from '../../oauth/not-served-here.js';
import type { StoredZone } from './load-snapshot.js';
import { SNAPSHOT_LOADS } from './snapshot.metrics.js';
import { SnapshotMemory } from './snapshot-memory.js';
import { ZoneLoads } from './zone-loads.js';
import { StoredZones } from './stored-zones.service.js';
import type { ZoneSnapshot } from './zone-snapshot.js';
import { ZonesInUse } from './zones-in-use.js';

/** Of the memory for snapshots so much is for zones; the rest is for clients. */
const SHARE = 3 / 4;
/** The most zones that are remembered as in use, or as changed. */
const MAX_REMEMBERED = 200_000;
/** Zones that one statement looks for, or evaluations that it checks, and how many may wait for one. */
const LIMITS = { joined: 200, waiting: 4_096 } as const;
/** The most zones that are remembered as not served here, and for how many milliseconds. */
const MAX_AWAY = 10_000;
const AWAY_MS = 5_000;
/** Zones whose keys are tried out while none is in memory: those with the newest keys. */
const ZONES_TO_TRY = `SELECT DISTINCT zone_id AS id FROM (
    SELECT k.zone_id FROM signing_keys k JOIN zones z ON z.id = k.zone_id AND z.away IS NULL
     WHERE k.retires_at IS NULL AND k.compromised_at IS NULL
     ORDER BY k.activates_at DESC LIMIT 3) AS newest`;

/** A client, its zone, and what an evaluation sees of other clients there. */
export interface ClientInZone {
  readonly zone: ZoneSnapshot;
  readonly client: ClientView;
  readonly clients: SeenClients;
}

/**
 * The snapshots of the zones in use, cached. Notifications of changes keep them fresh; whether they are
 * current is checked by the ledger, so a stale one costs a repetition and never a wrong answer.
 */
@Injectable()
export class Snapshots implements OnModuleInit, ChangeListener {
  private readonly zones: SnapshotMemory;
  private readonly loading = new Map<string, Promise<ZoneSnapshot | null>>();
  /** The zones that requests use, in memory or not. */
  private readonly inUse = new ZonesInUse(MAX_REMEMBERED);
  /** The last version of each zone that turned out to be stale. */
  private readonly outdated = new LRUCache<string, string>(atMost(MAX_REMEMBERED));
  private readonly existing: JoinedShardReads<string, boolean>;
  private readonly checks: JoinedShardReads<Basis, boolean>;
  /** Zones that are not served here, so that nothing is read for whoever asks for one again and again. */
  private readonly away = new LRUCache<string, NotServedHere>({
    max: MAX_AWAY,
    ttl: AWAY_MS,
  });

  private readonly shards: ZoneShards | null;
  private readonly zoneLoads: ZoneLoads<StoredZone, ZoneSnapshot | NotServedHere>;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly stored: StoredZones,
    private readonly keySets: KeySets,
    private readonly compileAhead: CompileAhead,
    private readonly clients: Clients,
    private readonly feed: ChangeFeed,
    @Inject(ENV)
    {
      snapshotBytes,
      workers,
      zoneShards,
    }: Pick<RunningEnv, 'snapshotBytes' | 'workers' | 'zoneShards'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @InjectMetric(SNAPSHOT_LOADS) private readonly loads: Counter<'result'>,
  ) {
    this.zones = new SnapshotMemory(shareOf(Math.floor(snapshotBytes * SHARE), workers));
    const shards = zoneShardsOf({ zoneShards });
    this.shards = shards;
    this.existing = new JoinedShardReads(shards, (ids) => whichExist(this.dataSource, ids), LIMITS);
    this.checks = new JoinedShardReads(
      shards,
      (bases) => whichAreCurrent(this.dataSource, bases),
      LIMITS,
    );
    this.zoneLoads = this.makeLoads();
  }

  onModuleInit(): void {
    this.feed.subscribe('zone', this);
  }

  /** The snapshot in memory, if there is one; it may be stale. */
  peek(zoneId: string): ZoneSnapshot | null {
    return this.zones.peek(zoneId) ?? null;
  }

  /**
   * The snapshot of a zone.
   *
   * @param zoneId a UUID
   * @param exists whether that was read with something that the zone has, such as a client
   * @returns `null` for an unknown zone
   * @throws {OAuthError} temporarily_unavailable, at once, while a zone that could not be loaded is left alone
   * @throws {NotServedHere} for one that is on its way to another installation, or has moved there
   * @throws the driver's error if the zone is not in memory and the database is away
   */
  async find(zoneId: string, exists = false): Promise<ZoneSnapshot | null> {
    this.shards?.found(zoneId);
    const away = this.away.get(zoneId);
    if (away !== undefined) throw away;
    const kept = this.zones.get(zoneId);
    if (kept !== undefined) this.inUse.touch(zoneId, this.clock.now());
    const snapshot = kept ?? (await this.loadRequested(zoneId, exists));
    if (snapshot === null || snapshot.version !== this.outdated.get(zoneId)) return snapshot;
    // A concurrent request began to read it before it changed. Reading from here on gives a newer one.
    this.outdated.delete(zoneId);
    this.zones.delete(zoneId);
    return this.load(zoneId);
  }

  /**
   * A client, and the snapshot of its zone.
   *
   * @param clientId a UUID
   * @returns `null` for an unknown client
   */
  async findByClient(clientId: string): Promise<ClientInZone | null> {
    const client = await this.clients.find(clientId);
    if (client === null) return null;
    const zone = await this.find(client.zoneId, true);
    return zone === null ? null : this.inZone(zone, client);
  }

  /**
   * A client of a zone.
   *
   * @param clientId a UUID
   * @returns `null` for an unknown client, and for one of another zone
   */
  async findClientIn(zone: ZoneSnapshot, clientId: string): Promise<ClientInZone | null> {
    const client = await this.clients.findIn(zone.zoneId, clientId);
    return client === null ? null : this.inZone(zone, client);
  }

  private inZone(zone: ZoneSnapshot, client: ClientView): ClientInZone {
    return { zone, client, clients: new SeenClients(zone.zoneId, client, this.clients) };
  }

  /**
   * Whether the basis of an evaluation is current in the database.
   *
   * @throws the driver's error
   */
  async isCurrent(basis: Basis): Promise<boolean> {
    const { version, clientId } = basis;
    if (clientId !== undefined) return !(await this.clients.exists(clientId));
    return version === undefined || this.checks.ask(basis.zoneId, JSON.stringify(basis), basis);
  }

  /**
   * Removes a basis that turned out to be stale from memory: the clients, and the zone if its settings have changed. Where
   * that cannot be found out, the zone as well.
   */
  async forget({ zoneId, version, clients, clientId }: Basis): Promise<void> {
    for (const client of clients ?? []) this.clients.forget(client.id, client.version);
    if (clientId !== undefined) this.clients.forget(clientId, null);
    if (version === undefined || (await this.isCurrent({ zoneId, version }).catch(() => false)))
      return;
    this.outdate(zoneId, version);
  }

  /** Marks a version as stale. Many requests may do so at once: a newer version that one of them has read is kept. */
  private outdate(zoneId: string, version: string): void {
    this.outdated.set(zoneId, version);
    if (this.zones.peek(zoneId)?.version === version) this.zones.delete(zoneId);
  }

  /** The number of zones in memory. */
  get size(): number {
    return this.zones.size;
  }

  /** Bytes that the zones in memory take, estimated. */
  get bytes(): number {
    return this.zones.bytes;
  }

  /** The number of zones in memory whose policy set cannot be used. */
  get brokenPolicies(): number {
    return [...this.zones.values()].filter(({ policy }) => policy.status === 'broken').length;
  }

  /** The key rings of the zones in memory. */
  get keyRings(): KeyRing[] {
    return [...this.zones.values()].map(({ keys }) => keys);
  }

  /**
   * Key rings to try out whether anything can be signed: those of the zones in memory, the first of them another
   * one each time. Without any, of a few zones that are loaded for that.
   *
   * @throws {CustodyUnavailable} if none is in memory, and those cannot be opened
   * @throws the driver's error
   */
  async keyRingsToTry(): Promise<KeyRing[]> {
    const rings = this.keyRings;
    const turn = Math.floor(Math.random() * rings.length);
    if (rings.length > 0) return [...rings.slice(turn), ...rings.slice(0, turn)];
    const ids = (await findInShards(this.shards, () => this.zonesToTry())) ?? [];
    const loaded = await Promise.allSettled(ids.map((id) => this.load(id)));
    const snapshots = loaded.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const opened = snapshots.flatMap((snapshot) => (snapshot === null ? [] : [snapshot.keys]));
    if (opened.length > 0) return opened;
    for (const one of loaded) {
      if (one.status === 'rejected' && one.reason instanceof CustodyUnavailable) throw one.reason;
    }
    return [];
  }

  /** Null where no zone has a key. */
  private async zonesToTry(): Promise<string[] | null> {
    const rows = await this.dataSource.query<{ id: string }[]>(ZONES_TO_TRY);
    return rows.length === 0 ? null : rows.map(({ id }) => id);
  }

  /** The number of zones used in the last minutes that could not be opened the last time, or cannot sign. */
  get zonesWithoutSigner(): number {
    const now = this.clock.now();
    return this.inUse.recent(now).filter(({ zoneId, opened }) => {
      const keys = this.zones.peek(zoneId)?.keys;
      return !opened || keys?.canSign(now) === false;
    }).length;
  }

  onChange(zoneId: string): void {
    this.drop(zoneId);
    this.zoneLoads.changed(zoneId);
    if (this.inUse.has(zoneId)) this.compileAhead.consider(zoneId);
    this.keySets.invalidate(zoneId);
  }

  onReset(): void {
    this.zones.clear();
    this.away.clear();
    this.loading.clear();
    this.zoneLoads.endRests();
    this.keySets.invalidateAll();
  }

  private drop(zoneId: string): void {
    this.away.delete(zoneId);
    this.zones.delete(zoneId);
    this.loading.delete(zoneId);
  }

  /** Loads a zone for a request. One that cannot be opened exists and is in use, too. */
  private async loadRequested(zoneId: string, isKnown: boolean): Promise<ZoneSnapshot | null> {
    let exists = true;
    try {
      const snapshot = await this.load(zoneId, isKnown);
      exists = snapshot !== null;
      return snapshot;
    } finally {
      if (exists) this.inUse.touch(zoneId, this.clock.now());
    }
  }

  private load(zoneId: string, exists = false): Promise<ZoneSnapshot | null> {
    const underWay = this.loading.get(zoneId);
    if (underWay !== undefined) return underWay;
    const loading: Promise<ZoneSnapshot | null> = this.zoneLoads
      .load(zoneId, exists)
      .then((snapshot) => {
        // A zone that changed while it was read is used once and not kept.
        const current = this.loading.get(zoneId) === loading;
        if (snapshot instanceof NotServedHere) {
          if (current) this.away.set(zoneId, snapshot);
          throw snapshot;
        }
        if (current && snapshot !== null) this.zones.set(zoneId, snapshot);
        return snapshot;
      })
      .finally(() => {
        if (this.loading.get(zoneId) === loading) this.loading.delete(zoneId);
      });
    this.loading.set(zoneId, loading);
    return loading;
  }

  private makeLoads(): ZoneLoads<StoredZone, ZoneSnapshot | NotServedHere> {
    const open = async (stored: StoredZone): Promise<ZoneSnapshot | NotServedHere> => {
      const elsewhere = this.stored.elsewhere(stored);
      if (elsewhere !== null) return elsewhere;
      let opened = false;
      try {
        const snapshot = await this.stored.open(stored);
        opened = true;
        return snapshot;
      } finally {
        this.inUse.recordOpened(stored.zoneId, opened);
      }
    };
    const loading = {
      exists: (id: string) => this.existing.ask(id, id, id),
      read: (id: string) => this.stored.read(id),
      open,
    };
    return new ZoneLoads(loading, this.clock, (result) => this.loads.inc({ result }), this.shards);
  }
}
