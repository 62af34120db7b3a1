import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import type { DataSource } from 'typeorm';
import { LONGEST_LIFE } from '../../keys/rotation/key-schedule.js';
import { hourOf, readName, uriOf, type StatusList } from '../../ledger/status-lists/status-list.js';
import { orUnavailable } from '../../oauth/errors.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { BackgroundWork } from '../../platform/background-work.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { JoinedShardReads } from '../../platform/database/joined-shard-reads.js';
import { ZoneReads } from '../../platform/database/zone-reads.service.js';
import { zoneShardsOf } from '../../platform/database/zone-shards.js';
import {
  documentOf,
  documentOfText,
  type PublicDocument,
} from '../../platform/http/public-document.js';
import { Periodic } from '../../platform/periodic.js';
import { shareOf } from '../../platform/workers/share.js';
import { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import { ListBits, type KnownBits } from './list-bits.service.js';
import { RenewedDocuments, type Made, type Make } from './renewed-documents.js';
import { statusListClaims, STATUS_LIST_TYP } from './status-list-token.js';
import { STATUS_LISTS_MADE } from './status-lists.metrics.js';

/** A document, and what the next one is made from; `bits: null` for what is no list. */
interface ListDocument extends Made {
  readonly document: Pick<PublicDocument, 'body' | 'etag'>;
  readonly bits: KnownBits | null;
}

/** Milliseconds between two looks for lists that are to be made anew. */
const LOOK_MS = 200;
/** Bytes of memory for lists, of all workers together. */
const MEMORY = 64 * 1_024 * 1_024;
/** Unknown lists that one statement looks for, and how many may wait for one. */
const UNKNOWN = { joined: 200, waiting: 4_096 } as const;
/** Hours for which a list may be asked for after its own: its mandates have expired, and it goes with its partition. */
const HOURS_AFTER = 2;

/**
 * The status lists of zones (draft-ietf-oauth-status-list), in memory. Each process makes a list from the database when
 * somebody asks for it, and then anew every period as long as somebody does: so however many ask for a list, it is read and
 * signed about once in a period, nobody waits for it, and a list for which nobody asks is not made.
 */
@Injectable()
export class StatusLists implements OnApplicationShutdown {
  private readonly documents: RenewedDocuments<ListDocument>;
  private readonly bases: JoinedShardReads<StatusList, string | null>;
  private readonly periodMs: number;
  private readonly periodic = new Periodic(() => {
    this.documents.renewDue();
    return Promise.resolve(LOOK_MS);
  });

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly reads: ZoneReads,
    private readonly snapshots: Snapshots,
    private readonly bits: ListBits,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
    @InjectMetric(STATUS_LISTS_MADE) private readonly counter: Counter<'result'>,
    background: BackgroundWork,
  ) {
    this.periodMs = env.statusListSeconds * 1_000;
    this.documents = new RenewedDocuments({
      periodMs: this.periodMs,
      maxSize: shareOf(MEMORY, env.workers),
      sizeOf: ({ document, bits: known }) =>
        1_000 + document.body.length + (known?.lst.length ?? 0),
      now: () => clock.now(),
      failed: () => counter.inc({ result: 'failed' }),
    });
    this.bases = new JoinedShardReads(zoneShardsOf(env), (lists) => this.readBases(lists), UNKNOWN);
    background.add(() => this.periodic.start(LOOK_MS));
  }

  onApplicationShutdown(): void {
    this.periodic.stop();
  }

  /**
   * A list if it can be sent at once.
   *
   * @param zoneId any text
   * @param name any text: the last part of its path
   * @returns `null` if it cannot
   */
  ready(zoneId: string, name: string): PublicDocument | null {
    const made = this.documents.ready(`${zoneId}/${name}`);
    return made === null ? null : this.documentOf(made);
  }

  /** The same of the URIs of all lists of a zone. */
  readyAggregation(zoneId: string): PublicDocument | null {
    const made = this.documents.ready(zoneId);
    return made === null ? null : this.documentOf(made);
  }

  /**
   * A list.
   *
   * @returns `null` if there is no such list
   * @throws {OAuthError} temporarily_unavailable if it cannot be made now, and the last one is too old
   */
  async find(zoneId: string, name: string): Promise<PublicDocument | null> {
    const list = listAt(zoneId, name);
    if (list === null || !this.isPlausible(list)) return null;
    return this.current(`${zoneId}/${name}`, (last) => this.readList(list, last));
  }

  /** The URIs of all lists of a zone whose mandates have not expired; `null` for an unknown zone. */
  async findAggregation(zoneId: string): Promise<PublicDocument | null> {
    if (!isUuid(zoneId)) return null;
    return this.current(zoneId, () => this.readAggregation(zoneId));
  }

  /** No mandate lives longer, so nobody has one of another list, and nothing is looked up for those who say so. */
  private isPlausible({ hour }: StatusList): boolean {
    const now = this.clock.now() / 1_000;
    return hour >= hourOf(now) - HOURS_AFTER && hour <= hourOf(now + LONGEST_LIFE);
  }

  private async current(key: string, make: Make<ListDocument>): Promise<PublicDocument | null> {
    const made = await orUnavailable('status list', this.documents.get(key, make));
    return made === null ? null : this.documentOf(made);
  }

  private async readList(
    list: StatusList,
    last: ListDocument | null,
  ): Promise<ListDocument | null> {
    const { zoneId, hour, number } = list;
    if (!this.isPlausible(list)) return null;
    const base = await this.bases.ask(zoneId, `${zoneId}/${hour}-${number}`, list);
    const zone = base === null ? null : await this.snapshots.find(zoneId);
    if (base === null || zone === null) return null;
    const readAt = this.clock.now();
    const bits = await this.bits.update(list, last?.bits ?? null);
    const content = {
      // A list that began under the issuer before is told by that, as the mandates are that are in it.
      issuer: zone.formerIssuer?.issuer === base ? base : zone.issuer,
      uri: uriOf(base, list),
      aggregationUri: `${base}/status`,
      lst: bits.lst,
      readAt,
      period: this.env.statusListSeconds,
    };
    const claims = statusListClaims(content);
    const { token } = await zone.keys.sign(claims, [], this.clock.now(), STATUS_LIST_TYP);
    this.counter.inc({ result: 'made' });
    return { document: documentOfText(token), readAt, bits };
  }

  private async readAggregation(zoneId: string): Promise<ListDocument | null> {
    const zone = await this.snapshots.find(zoneId);
    if (zone === null) return null;
    const readAt = this.clock.now();
    const rows = await this.reads.read(zoneId, () =>
      this.dataSource.query<{ hour: number; number: number; base: string }[]>(LISTS, [zoneId]),
    );
    return {
      document: documentOf({ status_lists: rows.map(({ base, ...list }) => uriOf(base, list)) }),
      readAt,
      bits: null,
    };
  }

  private async readBases(lists: readonly StatusList[]): Promise<(string | null)[]> {
    const rows = await this.dataSource.query<{ base: string | null }[]>(BASES, [
      lists.map(({ zoneId }) => zoneId),
      lists.map(({ hour }) => hour),
      lists.map(({ number }) => number),
    ]);
    return rows.map(({ base }) => base);
  }

  /** A document with what caches may be told of it: none of them makes it older than one period. */
  private documentOf({ document, readAt }: ListDocument): PublicDocument {
    const left = Math.max(0, Math.floor((readAt + this.periodMs - this.clock.now()) / 1_000));
    return { ...document, cacheControl: `public, max-age=${left}` };
  }
}

function listAt(zoneId: string, name: string): StatusList | null {
  const list = isUuid(zoneId) ? readName(name) : null;
  return list === null ? null : { zoneId, ...list };
}

const BASES = 'SELECT base FROM status_list_bases($1, $2, $3) AS base';
const LISTS = 'SELECT exp_hour AS hour, list AS number, base FROM status_lists_of($1)';
