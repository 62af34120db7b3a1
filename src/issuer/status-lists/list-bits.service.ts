import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { QueryFailedError, type DataSource } from 'typeorm';
import type { StatusList } from '../../ledger/status-lists/status-list.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ZoneReads } from '../../platform/database/zone-reads.service.js';
import { encodeList } from './status-list-token.js';

/** Which mandates of a list were taken back, as of a position of the revocation feed of its zone. */
export interface KnownBits {
  /** `encodeList` */
  readonly lst: string;
  readonly position: number;
  /** When they were last made from everything that is in the feed, in milliseconds since the epoch. */
  readonly since: number;
}

/** What has come in the feed (`status_list_news` in status-list-news.sql). */
interface News {
  readonly jtis: readonly string[];
  readonly sessions: readonly string[];
  readonly agents: readonly string[];
  readonly edges: readonly string[];
  /** A position, or the id of a notice: where to go on. */
  readonly next: number;
  readonly more: boolean;
  readonly anything: boolean;
}

type Ids = Pick<News, 'jtis' | 'sessions' | 'agents' | 'edges'>;

/** What one statement has found among some mandates of a list. */
interface Part {
  /** Each as four bytes; `null` for nothing. */
  readonly indices: Buffer | null;
  /** Where the next part begins; `null` if there is none. */
  readonly next: number | null;
}

/** Items of the feed that one statement looks at. */
const NEWS_OF_STATEMENT = 1_000;
/** Ids for which a list is gone through at once. */
const MOST_IDS = 50_000;
/** Indices that one statement goes through for those that rest on some ids: a tenth of a second. */
const INDICES_OF_STATEMENT = 100_000;
/** Mandates of which one statement looks up all that they rest on: a part of its time, also while others are at it. */
const MANDATES_OF_STATEMENT = 10_000;
/** The fewest that a statement looks at where so many took too long. */
const LEAST_OF_STATEMENT = 250;
/** Milliseconds after which bits are made anew from all that the feed has: it forgets what is older than an hour. */
const START_OVER_MS = 15 * 60_000;

/**
 * The bits of status lists, brought up to date by what was taken back since: nothing is looked at where nothing was, and
 * all mandates of a list, with what they rest on, only where something was taken back that has no id to be looked for.
 */
@Injectable()
export class ListBits {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly reads: ZoneReads,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Everything that was committed before this is called is in what it returns.
   *
   * @param before what was known last of the list; `null` for nothing
   * @throws {OAuthError} temporarily_unavailable if the zone wants too much; the driver's error
   */
  async update(list: StatusList, before: KnownBits | null): Promise<KnownBits> {
    const now = this.clock.now();
    const [first] = await this.ask<News & { position: number }>(list, FIRST_NEWS, [
      list.zoneId,
      NEWS_OF_STATEMENT,
    ]);
    if (first === undefined) throw new Error('nothing was read of the feed');
    // One beyond the last position was given out by another database, or is forgotten with all that was there.
    const goesOn =
      before !== null && before.position <= first.position && now - before.since < START_OVER_MS;
    const known = goesOn ? before : null;
    const news = await this.collect(list, first, known?.position ?? 0);
    if (news.ids === null) {
      const parts = await this.inParts(MANDATES_OF_STATEMENT, (from, most) =>
        this.part(list, LOOK_AT_ALL, [from, most]),
      );
      return { lst: await encodeList(parts), position: first.position, since: now };
    }
    const since = known?.since ?? now;
    if (known !== null && news.ids.length === 0) return { ...known, position: news.position };
    const found: Buffer[] = [];
    for (const { jtis, sessions, agents, edges } of news.ids) {
      const ids = [jtis, sessions, agents, edges];
      // oxlint-disable-next-line no-await-in-loop -- one after the other, so that a large zone has one turn
      const parts = await this.inParts(INDICES_OF_STATEMENT, (from, most) =>
        this.part(list, FIND_BY_ID, [from, most, ...ids]),
      );
      found.push(...parts);
    }
    return { lst: await encodeList(found, known?.lst), position: news.position, since };
  }

  /**
   * What has come since a position. What has none yet is read first: it may get one while the rest is read, and none is
   * missed.
   *
   * @returns `ids: null` if not all of it can be looked for by ids; else portions of at most about {@link MOST_IDS}, none
   *   of which is empty
   */
  private async collect(
    list: StatusList,
    first: News,
    after: number,
  ): Promise<{ readonly ids: Ids[] | null; readonly position: number }> {
    const ids: Ids[] = [];
    let news = first;
    let placed = false;
    for (;;) {
      if (news.anything) return { ids: null, position: after };
      add(ids, news);
      if (placed && !news.more) return { ids, position: news.next };
      const from = placed || news.more ? news.next : after;
      placed ||= !news.more;
      // oxlint-disable-next-line no-await-in-loop -- each begins where the last one ended
      const [next] = await this.ask<News>(list, NEWS, [
        list.zoneId,
        placed,
        from,
        NEWS_OF_STATEMENT,
      ]);
      if (next === undefined) throw new Error('nothing was read of the feed');
      news = next;
    }
  }

  /** Reads a list part by part, fewer indices at a time where a statement took too long. */
  private async inParts(
    mostAtOnce: number,
    read: (from: number, most: number) => Promise<Part>,
  ): Promise<Buffer[]> {
    const found: Buffer[] = [];
    let from: number | null = 0;
    let most = mostAtOnce;
    while (from !== null) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one part after the other, so that a large zone has one turn
        const { indices, next } = await read(from, most);
        if (indices !== null) found.push(indices);
        from = next;
      } catch (error) {
        if (!tookTooLong(error) || most <= LEAST_OF_STATEMENT) throw error;
        most = Math.floor(most / 2);
      }
    }
    return found;
  }

  private async part(list: StatusList, sql: string, more: readonly unknown[]): Promise<Part> {
    const [part] = await this.ask<Part>(list, sql, [list.zoneId, list.hour, list.number, ...more]);
    if (part === undefined) throw new Error('no part of the list was read');
    return part;
  }

  private ask<T>({ zoneId }: StatusList, sql: string, values: unknown[]): Promise<T[]> {
    return this.reads.read(zoneId, () => this.dataSource.query<T[]>(sql, values));
  }
}

/** Adds what was found to the last portion, or to a new one if that is full. */
function add(portions: Ids[], { jtis, sessions, agents, edges }: News): void {
  const found = jtis.length + sessions.length + agents.length + edges.length;
  if (found === 0) return;
  const last = portions.at(-1);
  const held = last === undefined ? 0 : sizeOf(last);
  if (last === undefined || held + found > MOST_IDS) {
    portions.push({ jtis, sessions, agents, edges });
    return;
  }
  portions[portions.length - 1] = {
    jtis: [...last.jtis, ...jtis],
    sessions: [...last.sessions, ...sessions],
    agents: [...last.agents, ...agents],
    edges: [...last.edges, ...edges],
  };
}

function sizeOf({ jtis, sessions, agents, edges }: Ids): number {
  return jtis.length + sessions.length + agents.length + edges.length;
}

/** Whether the server has ended a statement that took longer than it may: `query_canceled`. */
function tookTooLong(error: unknown): boolean {
  return error instanceof QueryFailedError && Reflect.get(error.driverError, 'code') === '57014';
}

const COLUMNS = 'n.jtis, n.sessions, n.agents, n.edges, n.next::float8 AS next, n.more, n.anything';
const FIRST_NEWS = `SELECT p.position::float8 AS position, ${COLUMNS}
  FROM status_list_position($1) AS p (position) CROSS JOIN status_list_news($1, false, 0, $2) AS n`;
const NEWS = `SELECT ${COLUMNS} FROM status_list_news($1, $2, $3, $4) AS n`;
const FIND_BY_ID = `SELECT taken_back AS indices, next
  FROM status_list_resting_on($1, $2, $3, $4, $5, $6, $7, $8, $9)`;
const LOOK_AT_ALL =
  'SELECT taken_back AS indices, next FROM status_list_taken_back($1, $2, $3, $4, $5)';
