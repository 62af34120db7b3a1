import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import { LRUCache } from 'lru-cache';
import type { Counter } from 'prom-client';
import { QueryFailedError, type DataSource } from 'typeorm';
import { LONGEST_LIFE } from '../../keys/rotation/key-schedule.js';
import { hourOf, readName, uriOf, type StatusList } from '../../ledger/status-lists/status-list.js';
import { orUnavailable } from '../../oauth/errors.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { JoinedReads } from '../../platform/database/joined-reads.js';
import { ZoneReads } from '../../platform/database/zone-reads.service.js';
import {
  documentOf,
  documentOfText,
  type PublicDocument,
} from '../../platform/http/public-document.js';
import { shareOf } from '../../platform/workers/share.js';
import { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import { encodeList, statusListClaims, STATUS_LIST_TYP } from './status-list-token.js';
import { STATUS_LISTS_MADE } from './status-lists.metrics.js';

/** A document, and when it was read: nothing that was taken back before is missing in it. */
interface Made {
  readonly document: Pick<PublicDocument, 'body' | 'etag'>;
  /** Milliseconds since the epoch. */
  readonly readAt: number;
}

/** What of a list one statement has looked at. */
interface Part {
  /** What was taken back: each as four bytes; `null` for nothing. */
  readonly indices: Buffer | null;
  /** Where the next part begins; `null` if there is none. */
  readonly next: number | null;
}

/** Milliseconds for which the one before is sent while a list is made. */
const WHILE_MADE_MS = 1_000;
/** Bytes of memory for lists, of all workers together. */
const MEMORY = 64 * 1_024 * 1_024;
/** Mandates that one statement looks at: a part of the time that a statement has, also while others are at it. */
const MANDATES_OF_STATEMENT = 5_000;
/** The fewest that it looks at where so many took too long. */
const LEAST_OF_STATEMENT = 250;
/** Unknown lists that one statement looks for, and how many may wait for one. */
const UNKNOWN = { joined: 200, waiting: 4_096 } as const;
/** Hours for which a list may be asked for after its own: its mandates have expired, and it goes with its partition. */
const HOURS_AFTER = 2;

/**
 * The status lists of zones (draft-ietf-oauth-status-list), in memory. Each process makes a list from the database when
 * somebody asks for it and the last one was read a period ago, so however many ask for a list, it is read and signed once
 * in a period, and a list for which nobody asks is not made.
 */
@Injectable()
export class StatusLists {
  private readonly made: LRUCache<string, Made>;
  private readonly making = new Map<string, Promise<Made | null>>();
  private readonly bases: JoinedReads<StatusList, string | null>;
  private readonly periodMs: number;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly reads: ZoneReads,
    private readonly snapshots: Snapshots,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
    @InjectMetric(STATUS_LISTS_MADE) private readonly counter: Counter<'result'>,
  ) {
    this.periodMs = env.statusListSeconds * 1_000;
    this.made = new LRUCache({
      maxSize: shareOf(MEMORY, env.workers),
      sizeCalculation: ({ document }) => 1_000 + document.body.length,
    });
    this.bases = new JoinedReads((lists) => this.readBases(lists), UNKNOWN);
  }

  /**
   * A list if it can be sent at once.
   *
   * @param zoneId any text
   * @param name any text: the last part of its path
   * @returns `null` if it cannot
   */
  ready(zoneId: string, name: string): PublicDocument | null {
    const key = `${zoneId}/${name}`;
    return this.readyAt(key, () => {
      const list = listAt(zoneId, name);
      if (list !== null) this.make(key, () => this.readList(list)).catch(() => {});
    });
  }

  /** The same of the URIs of all lists of a zone. */
  readyAggregation(zoneId: string): PublicDocument | null {
    return this.readyAt(zoneId, () => {
      this.make(zoneId, () => this.readAggregation(zoneId)).catch(() => {});
    });
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
    const found = await this.current(`${zoneId}/${name}`, () => this.readList(list));
    return found === null ? null : this.documentOf(found);
  }

  /** The URIs of all lists of a zone whose mandates have not expired; `null` for an unknown zone. */
  async findAggregation(zoneId: string): Promise<PublicDocument | null> {
    if (!isUuid(zoneId)) return null;
    const found = await this.current(zoneId, () => this.readAggregation(zoneId));
    return found === null ? null : this.documentOf(found);
  }

  /** No mandate lives longer, so nobody has one of another list, and nothing is looked up for those who say so. */
  private isPlausible({ hour }: StatusList): boolean {
    const now = this.clock.now() / 1_000;
    return hour >= hourOf(now) - HOURS_AFTER && hour <= hourOf(now + LONGEST_LIFE);
  }

  private readyAt(key: string, makeAnew: () => void): PublicDocument | null {
    const made = this.made.get(key);
    if (made === undefined) return null;
    const age = this.clock.now() - made.readAt;
    if (age >= this.periodMs + WHILE_MADE_MS) return null;
    if (age >= this.periodMs && !this.making.has(key)) makeAnew();
    return this.documentOf(made);
  }

  private current(key: string, read: () => Promise<Made | null>): Promise<Made | null> {
    const made = this.made.get(key);
    const isCurrent = made !== undefined && this.clock.now() - made.readAt < this.periodMs;
    return isCurrent ? Promise.resolve(made) : orUnavailable('status list', this.make(key, read));
  }

  /** Makes a document, once for all who wait for it. */
  private make(key: string, read: () => Promise<Made | null>): Promise<Made | null> {
    const underWay = this.making.get(key);
    if (underWay !== undefined) return underWay;
    const making = read()
      .then(
        (made) => {
          if (made === null) this.made.delete(key);
          else this.made.set(key, made);
          return made;
        },
        (error: unknown) => {
          this.counter.inc({ result: 'failed' });
          throw error;
        },
      )
      .finally(() => this.making.delete(key));
    this.making.set(key, making);
    return making;
  }

  private async readList(list: StatusList): Promise<Made | null> {
    const { zoneId, hour, number } = list;
    const base = await this.bases.ask(`${zoneId}/${hour}-${number}`, list);
    const zone = base === null ? null : await this.snapshots.find(zoneId);
    if (base === null || zone === null) return null;
    const readAt = this.clock.now();
    const content = {
      issuer: zone.issuer,
      uri: uriOf(base, list),
      aggregationUri: `${base}/status`,
      lst: await encodeList(await this.readTakenBack(list)),
      readAt,
      period: this.env.statusListSeconds,
    };
    const claims = statusListClaims(content);
    const { token } = await zone.keys.sign(claims, [], this.clock.now(), STATUS_LIST_TYP);
    this.counter.inc({ result: 'made' });
    return { document: documentOfText(token), readAt };
  }

  private async readTakenBack(list: StatusList): Promise<Buffer[]> {
    const found: Buffer[] = [];
    let from: number | null = 0;
    let most = MANDATES_OF_STATEMENT;
    while (from !== null) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one part after the other, so that a large zone has one turn
        const { indices, next } = await this.readPart(list, from, most);
        if (indices !== null) found.push(indices);
        from = next;
      } catch (error) {
        if (!tookTooLong(error) || most <= LEAST_OF_STATEMENT) throw error;
        most = Math.floor(most / 2);
      }
    }
    return found;
  }

  private async readPart(
    { zoneId, hour, number }: StatusList,
    from: number,
    most: number,
  ): Promise<Part> {
    const values = [zoneId, hour, number, from, most];
    const [part] = await this.reads.read(zoneId, () =>
      this.dataSource.query<Part[]>(TAKEN_BACK, values),
    );
    if (part === undefined) throw new Error('no part of the list was read');
    return part;
  }

  private async readAggregation(zoneId: string): Promise<Made | null> {
    const zone = await this.snapshots.find(zoneId);
    if (zone === null) return null;
    const readAt = this.clock.now();
    const rows = await this.reads.read(zoneId, () =>
      this.dataSource.query<{ hour: number; number: number; base: string }[]>(LISTS, [zoneId]),
    );
    return {
      document: documentOf({ status_lists: rows.map(({ base, ...list }) => uriOf(base, list)) }),
      readAt,
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
  private documentOf({ document, readAt }: Made): PublicDocument {
    const left = Math.max(0, Math.floor((readAt + this.periodMs - this.clock.now()) / 1_000));
    return { ...document, cacheControl: `public, max-age=${left}` };
  }
}

function listAt(zoneId: string, name: string): StatusList | null {
  const list = isUuid(zoneId) ? readName(name) : null;
  return list === null ? null : { zoneId, ...list };
}

/** Whether the server has ended a statement that took longer than it may: `query_canceled`. */
function tookTooLong(error: unknown): boolean {
  return error instanceof QueryFailedError && Reflect.get(error.driverError, 'code') === '57014';
}

const TAKEN_BACK =
  'SELECT taken_back AS indices, next FROM status_list_taken_back($1, $2, $3, $4, $5)';
const BASES = 'SELECT base FROM status_list_bases($1, $2, $3) AS base';
const LISTS = 'SELECT exp_hour AS hour, list AS number, base FROM status_lists_of($1)';
