import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import { LRUCache } from 'lru-cache';
import type { Counter } from 'prom-client';
import type { DataSource } from 'typeorm';
import { atMost } from '../../platform/at-most.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { shareOf } from '../../platform/workers/share.js';
import { ChangeFeed, type ChangeListener } from '../../platform/database/change-feed.js';
import { JoinedShardReads } from '../../platform/database/joined-shard-reads.js';
import { zoneShardsOf, type ZoneShards } from '../../platform/database/zone-shards.js';
import { ZoneReads } from '../../platform/database/zone-reads.service.js';
import { CLIENT_LOADS } from './client.metrics.js';
import { weightOf, type ClientView } from './client-view.js';
import { readClients } from './read-clients.js';

/** Of the memory for snapshots so much is for clients. */
const SHARE = 1 / 4;
/** The most ids that are remembered as no client's: any stranger can invent some. */
const MAX_ABSENT = 10_000;
/** Clients that one statement reads, and how many may wait for one. */
const LIMITS = { joined: 200, waiting: 4_096 } as const;

/**
 * The clients that requests name, with their secrets, looked up by id and remembered. Notifications of changes keep
 * them fresh; whether they are current is checked by the ledger, by their versions, so an old one costs a repetition and
 * never a wrong answer.
 */
@Injectable()
export class Clients implements OnModuleInit, ChangeListener {
  /** By id; those of one id are of several zones. */
  private readonly known: LRUCache<string, readonly ClientView[]>;
  /**
   * Apart from those that there are, which no stranger's inventions push out. None where the database is distributed: a
   * refusal is recorded at another shard than the client would have, so the ledger cannot see that there is one by now.
   */
  private readonly absent = new LRUCache<string, true>(atMost(MAX_ABSENT));
  /** The last look-up of each id that is under way: one that began before a change is not kept. */
  private readonly loading = new Map<string, Promise<readonly ClientView[]>>();
  private readonly reads: JoinedShardReads<string, readonly ClientView[]>;
  private readonly shards: ZoneShards | null;

  constructor(
    @InjectDataSource() private readonly dataSource: Pick<DataSource, 'query'>,
    private readonly zoneReads: ZoneReads,
    private readonly feed: ChangeFeed,
    @Inject(ENV)
    {
      snapshotBytes,
      workers,
      zoneShards,
    }: Pick<RunningEnv, 'snapshotBytes' | 'workers' | 'zoneShards'>,
    @InjectMetric(CLIENT_LOADS) private readonly loads: Counter<'result'>,
  ) {
    this.known = new LRUCache({
      maxSize: shareOf(Math.floor(snapshotBytes * SHARE), workers),
      sizeCalculation: (views) => views.reduce((sum, view) => sum + weightOf(view), 0),
    });
    this.shards = zoneShardsOf({ zoneShards });
    this.reads = new JoinedShardReads<string, readonly ClientView[]>(
      this.shards,
      (ids) => readClients(this.dataSource, ids),
      LIMITS,
    );
  }

  onModuleInit(): void {
    this.feed.subscribe('client', this);
  }

  /** Bytes that the remembered clients take, estimated. */
  get bytes(): number {
    return this.known.calculatedSize;
  }

  /**
   * A client, wherever it is. It never changes its zone.
   *
   * @param id a UUID
   * @returns `null` for an unknown client, and for one of a zone that is being removed
   * @throws the driver's error if it is not in memory and the database is away
   */
  async find(id: string): Promise<ClientView | null> {
    const [first = null] = await this.views(id);
    return first;
  }

  /**
   * The same in one zone: `null` for a client of another one. Where the database is distributed, what is remembered is of the
   * first node that had one of that id, so the one that has the zone is asked.
   */
  async findIn(zoneId: string, id: string): Promise<ClientView | null> {
    const ofZone = (views: readonly ClientView[]) => views.find((view) => view.zoneId === zoneId);
    if (this.shards === null) return ofZone(await this.views(id)) ?? null;
    const known = ofZone(this.known.get(id) ?? []);
    return known ?? ofZone(await this.load(id, zoneId)) ?? null;
  }

  /** Whether there is such a client in the database now. @throws the driver's error */
  async exists(id: string): Promise<boolean> {
    return (await this.load(id)).length > 0;
  }

  /**
   * The labels of some that were given to other clients of a zone and not to this one, in the order given. Read anew
   * each time.
   *
   * @throws {OAuthError} temporarily_unavailable if the zone wants too much; the driver's error
   */
  async reservedLabels(
    zoneId: string,
    clientId: string,
    labels: readonly string[],
  ): Promise<string[]> {
    const [row] = await this.zoneReads.read(zoneId, () =>
      this.dataSource.query<{ reserved: string[] }[]>(RESERVED, [zoneId, clientId, labels]),
    );
    return row?.reserved ?? [];
  }

  /** Forgets a client, if it is remembered in this state. @param version `null` for one that was not there */
  forget(id: string, version: string | null): void {
    if (version === null) {
      this.absent.delete(id);
      // It may be remembered as one of another zone.
      this.known.delete(id);
    } else if (this.known.peek(id)?.some((view) => view.version === version) === true) {
      this.known.delete(id);
    }
  }

  onChange(what: string): void {
    const [zoneId, id] = what.split(' ');
    if (id !== undefined) this.drop(id);
    else this.dropAll(zoneId === '*' ? null : (zoneId ?? null));
  }

  onReset(): void {
    this.dropAll(null);
  }

  private drop(id: string): void {
    this.known.delete(id);
    this.absent.delete(id);
    this.loading.delete(id);
  }

  /** @param zoneId `null` for all zones */
  private dropAll(zoneId: string | null): void {
    this.absent.clear();
    this.loading.clear();
    if (zoneId === null) this.known.clear();
    for (const [id, views] of this.known.entries()) {
      if (views.some((view) => view.zoneId === zoneId)) this.known.delete(id);
    }
  }

  private views(id: string): readonly ClientView[] | Promise<readonly ClientView[]> {
    return this.known.get(id) ?? (this.absent.has(id) ? [] : this.load(id));
  }

  /** @param zoneId the zone that is looked into; absent for all */
  private async load(id: string, zoneId?: string): Promise<readonly ClientView[]> {
    const loading = this.read(id, zoneId);
    this.loading.set(id, loading);
    try {
      const views = await loading;
      // One that changed while it was read is used once and not kept.
      if (this.loading.get(id) === loading) this.keep(id, views, zoneId);
      this.loads.inc({ result: views.length > 0 ? 'loaded' : 'unknown' });
      return views;
    } catch (error) {
      this.loads.inc({ result: 'failed' });
      throw error;
    } finally {
      if (this.loading.get(id) === loading) this.loading.delete(id);
    }
  }

  private async read(id: string, zoneId?: string): Promise<readonly ClientView[]> {
    if (zoneId !== undefined) return this.reads.ask(zoneId, id, id);
    return (await this.reads.askAny(id, id, (views) => views.length > 0)) ?? [];
  }

  private keep(id: string, views: readonly ClientView[], zoneId?: string): void {
    if (views.length === 0) {
      // It is not known then whether others have one.
      if (zoneId !== undefined) return;
      this.known.delete(id);
      if (this.shards === null) this.absent.set(id, true);
    } else {
      this.absent.delete(id);
      this.known.set(id, views);
    }
  }
}

const RESERVED = 'SELECT reserved_labels($1, $2, $3) AS reserved';
