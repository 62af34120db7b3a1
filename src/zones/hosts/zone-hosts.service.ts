import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { BackgroundWork } from '../../platform/background-work.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { LOGGER } from '../../platform/config/logger.js';
import { ChangeFeed, type ChangeListener } from '../../platform/database/change-feed.js';
import type { KnownHosts } from '../../platform/http/zone-hosts.js';
import { HostTable } from './host-table.js';

/** Milliseconds until it is tried again when the database could not be asked. */
const AGAIN_MS = 500;

const HOSTS = `
  SELECT id AS "zoneId", issuer_url AS "issuerUrl", NULL::float8 AS "left" FROM zones
   WHERE issuer_url IS NOT NULL AND removed_at IS NULL AND ($1::uuid[] IS NULL OR id = ANY ($1::uuid[]))
  UNION ALL
  SELECT id, previous_issuer, extract(epoch FROM previous_issuer_until - clock_timestamp())::float8 * 1000 FROM zones
   WHERE previous_issuer_until > clock_timestamp() AND removed_at IS NULL AND ($1::uuid[] IS NULL OR id = ANY ($1::uuid[]))`;

interface Row {
  readonly zoneId: string;
  readonly issuerUrl: string;
  /** Milliseconds for which it is known still that the zone had it before; `null` for the one that it has. */
  readonly left: number | null;
}

/**
 * The hosts of zones that have one of their own. All of them are in memory, and read again when one has changed: so
 * whatever hosts strangers make up, nothing is looked up for them.
 */
@Injectable()
export class ZoneHosts implements KnownHosts, OnModuleInit, OnApplicationShutdown, ChangeListener {
  private readonly table: HostTable;
  /** The zones to read again; `null` for all. */
  private changed: Set<string> | null = null;
  private reading: Promise<void> | null = null;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly feed: ChangeFeed,
    private readonly background: BackgroundWork,
    @Inject(ENV) { issuerUrl }: Pick<RunningEnv, 'issuerUrl'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.table = new HostTable(issuerUrl);
  }

  onModuleInit(): void {
    this.feed.subscribe('host', this);
    this.background.add(() => this.read());
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  get size(): number {
    return this.table.size;
  }

  zoneAt(authority: string): string | null {
    return this.table.zoneAt(authority);
  }

  formerZoneAt(authority: string): string | null {
    return this.table.formerZoneAt(authority, this.clock.now());
  }

  onChange(zoneId: string): void {
    this.changed?.add(zoneId);
    void this.read();
  }

  onReset(): void {
    this.changed = null;
    void this.read();
  }

  /** Reads what has changed, one statement at a time. While the database is away, what was known holds. */
  private read(): Promise<void> {
    this.reading ??= this.readOn().finally(() => {
      this.reading = null;
    });
    return this.reading;
  }

  private async readOn(): Promise<void> {
    while (!this.stopped && (this.changed === null || this.changed.size > 0)) {
      const asked = this.changed === null ? null : [...this.changed];
      this.changed = new Set();
      try {
        // oxlint-disable-next-line no-await-in-loop -- what has changed meanwhile is read after that
        const rows = await this.dataSource.query<Row[]>(HOSTS, [asked]);
        const now = this.clock.now();
        this.table.set(
          asked,
          rows.map(({ left, ...host }) =>
            left === null ? host : { ...host, formerUntil: now + left },
          ),
        );
      } catch (error) {
        this.logger.warn({ err: error }, 'the hosts of zones cannot be read, trying again');
        this.changed = asked === null ? null : new Set([...asked, ...this.changed]);
        this.timer = setTimeout(() => void this.read(), AGAIN_MS).unref();
        return;
      }
    }
  }
}
