import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import { LRUCache } from 'lru-cache';
import type { Counter } from 'prom-client';
import type { DataSource, Repository } from 'typeorm';
import { Clients } from '../clients/clients.service.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ChangeFeed, type ChangeListener } from '../../platform/database/change-feed.js';
import type { KeyRing } from '../../keys/signing/key-ring.js';
import { KeyRings } from '../../keys/signing/key-rings.service.js';
import { KeySets } from '../../keys/publishing/key-sets.service.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { CompileAhead } from '../../policy/background/compile-ahead.service.js';
import { PolicySets } from '../../policy/policy-sets.service.js';
import { Zone } from '../zone.entity.js';
import { openZone, readZone, type Openers, type StoredZone } from './load-snapshot.js';
import { SNAPSHOT_LOADS } from './snapshot.metrics.js';
import type { ZoneSnapshot } from './zone-snapshot.js';
import { ZonesInUse } from './zones-in-use.js';

const MAX_ZONES = 500;
const MAX_CLIENTS = 100_000;
/** Zones that readiness tries to open again at once. */
const MAX_RETRIES = 10;

/** What an evaluation rested on: a version of a zone, or that a client is unknown. */
export interface Basis {
  readonly zoneId: string;
  readonly version?: string | undefined;
  readonly clientId?: string | undefined;
}

/**
 * Keeps snapshots of the zones that are in use. Hearing of changes keeps them fresh; that they are
 * right is for the ledger to check, so a stale one costs a repetition and never a wrong answer.
 */
@Injectable()
export class Snapshots implements OnModuleInit, ChangeListener {
  private readonly zones = new LRUCache<string, ZoneSnapshot>({ max: MAX_ZONES });
  private readonly loading = new Map<string, Promise<ZoneSnapshot | null>>();
  /** Zones that somebody asked for of late, in memory or not. */
  private readonly inUse = new ZonesInUse(MAX_ZONES);
  /** The version of a zone that turned out to be old last. */
  private readonly outdated = new LRUCache<string, string>({ max: MAX_ZONES });
  /** Client id to zone id. Unknown clients are in it as `''`: the ledger checks that, too. */
  private readonly zoneOfClient = new LRUCache<string, string>({ max: MAX_CLIENTS });

  private readonly openers: Openers;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @InjectRepository(Zone) private readonly stored: Repository<Zone>,
    sealing: Sealing,
    keyRings: KeyRings,
    private readonly keySets: KeySets,
    policySets: PolicySets,
    private readonly compileAhead: CompileAhead,
    private readonly clients: Clients,
    private readonly feed: ChangeFeed,
    @Inject(CLOCK) private readonly clock: Clock,
    @InjectMetric(SNAPSHOT_LOADS) private readonly loads: Counter<'result'>,
  ) {
    this.openers = { sealing, keyRings, policySets };
  }

  onModuleInit(): void {
    this.feed.subscribe('zone', this);
  }

  /** The zone as it was last seen, if it is in memory. */
  peek(zoneId: string): ZoneSnapshot | null {
    return this.zones.peek(zoneId) ?? null;
  }

  /**
   * @param zoneId a UUID
   * @returns `null` for an unknown zone
   * @throws the driver's error if the zone is not in memory and the database is away
   */
  async find(zoneId: string): Promise<ZoneSnapshot | null> {
    const kept = this.zones.get(zoneId);
    if (kept !== undefined) this.inUse.asked(zoneId, this.clock.now());
    const snapshot = kept ?? (await this.loadFor(zoneId));
    if (snapshot === null || snapshot.version !== this.outdated.get(zoneId)) return snapshot;
    // Others had begun to read it before it changed. What is read from here on is newer.
    this.outdated.delete(zoneId);
    this.zones.delete(zoneId);
    return this.load(zoneId);
  }

  /**
   * The zone of a client.
   *
   * @param clientId a UUID
   * @returns `null` for an unknown client
   */
  async findByClient(clientId: string): Promise<ZoneSnapshot | null> {
    let zoneId = this.zoneOfClient.get(clientId);
    if (zoneId === undefined) {
      zoneId = (await this.clients.findZoneOf(clientId)) ?? '';
      this.zoneOfClient.set(clientId, zoneId);
      // The zone may have been read before the client was registered.
      const snapshot = this.zones.peek(zoneId);
      if (snapshot?.clients.has(clientId) === false) this.outdate(zoneId, snapshot.version);
    }
    return zoneId === '' ? null : this.find(zoneId);
  }

  /**
   * Whether the database still says what an evaluation rested on.
   *
   * @throws the driver's error
   */
  async isCurrent({ zoneId, version, clientId }: Basis): Promise<boolean> {
    if (clientId !== undefined) return (await this.clients.findZoneOf(clientId)) === null;
    if (version === undefined) return true;
    const zone = await this.stored.findOne({
      select: { id: true, version: true },
      where: { id: zoneId },
    });
    return zone?.version === version;
  }

  /** Forgets what turned out to be old: a version of a zone, or that a client is unknown. */
  forget({ zoneId, version, clientId }: Basis): void {
    if (version !== undefined) this.outdate(zoneId, version);
    if (clientId !== undefined) this.zoneOfClient.delete(clientId);
  }

  /** Many requests find out at once that a version is old; what one of them has read anew is kept. */
  private outdate(zoneId: string, version: string): void {
    this.outdated.set(zoneId, version);
    if (this.zones.peek(zoneId)?.version === version) this.zones.delete(zoneId);
  }

  /** How many zones in memory have a policy set that cannot be used. */
  get brokenPolicies(): number {
    return [...this.zones.values()].filter(({ policy }) => policy.status === 'broken').length;
  }

  /** The key rings of the zones in memory. */
  get keyRings(): KeyRing[] {
    return [...this.zones.values()].map(({ keys }) => keys);
  }

  /**
   * How many of the zones that were asked for in the last minutes cannot sign. Those that could not be
   * opened are tried again, so that this ends when what was wrong ends, also if no request comes.
   */
  async countZonesWithoutSigner(): Promise<number> {
    const shut = this.inUse.recent(this.clock.now()).filter(({ opened }) => !opened);
    const again = shut.slice(0, MAX_RETRIES);
    await Promise.all(again.map(({ zoneId }) => this.load(zoneId).catch(() => {})));
    const now = this.clock.now();
    return this.inUse.recent(now).filter(({ zoneId, opened }) => {
      const keys = this.zones.peek(zoneId)?.keys;
      return !opened || keys?.canSign(now) === false;
    }).length;
  }

  onChange(zoneId: string): void {
    this.drop(zoneId);
    if (this.inUse.has(zoneId)) this.compileAhead.consider(zoneId);
    this.keySets.invalidate(zoneId);
  }

  onReset(): void {
    this.zones.clear();
    this.loading.clear();
    this.keySets.invalidateAll();
  }

  private drop(zoneId: string): void {
    this.zones.delete(zoneId);
    this.loading.delete(zoneId);
  }

  /** Loads a zone that somebody asked for; one that cannot be opened exists, too. */
  private async loadFor(zoneId: string): Promise<ZoneSnapshot | null> {
    let exists = true;
    try {
      const snapshot = await this.load(zoneId);
      exists = snapshot !== null;
      return snapshot;
    } finally {
      if (exists) this.inUse.asked(zoneId, this.clock.now());
    }
  }

  private load(zoneId: string): Promise<ZoneSnapshot | null> {
    const underWay = this.loading.get(zoneId);
    if (underWay !== undefined) return underWay;
    const loading: Promise<ZoneSnapshot | null> = this.read(zoneId)
      .then((snapshot) => {
        // A zone that changed while it was read is used once and not kept.
        const current = this.loading.get(zoneId) === loading;
        if (current && snapshot !== null) this.zones.set(zoneId, snapshot);
        return snapshot;
      })
      .finally(() => {
        if (this.loading.get(zoneId) === loading) this.loading.delete(zoneId);
      });
    this.loading.set(zoneId, loading);
    return loading;
  }

  private async read(zoneId: string): Promise<ZoneSnapshot | null> {
    try {
      const now = this.clock.now();
      const stored = await this.dataSource.transaction('REPEATABLE READ', (tx) =>
        readZone(tx, zoneId, this.openers),
      );
      const snapshot = stored === null ? null : await this.open(stored, now);
      this.loads.inc({ result: snapshot === null ? 'unknown' : 'loaded' });
      return snapshot;
    } catch (error) {
      this.loads.inc({ result: 'failed' });
      throw error;
    }
  }

  private async open(stored: StoredZone, now: number): Promise<ZoneSnapshot> {
    let opened = false;
    try {
      const snapshot = await openZone(stored, now, this.openers);
      opened = true;
      return snapshot;
    } finally {
      this.inUse.opened(stored.zone.id, opened);
    }
  }
}
