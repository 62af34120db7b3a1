import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { OAuthError } from '../oauth/errors.js';
import { OPERATORS_READING } from '../platform/database/operators-connections.js';
import { atAllOrSome, isSpread } from '../platform/database/at-zones.js';
import { limitTo } from '../platform/database/statement-share.js';
import { termsOf, type AuditFilters, type AuditScope } from './audit-filters.js';
import type { AuditPage, AuditPart } from './audit-page.js';
import type { AuditedEvent } from './audited-event.js';
import { mergePages } from './merge-pages.js';
import { idRange } from './id-range.js';
import {
  countBehind,
  floorOfIndex,
  floorOfLog,
  lookUp,
  readEvents,
  walk,
  walkLog,
  type Sought,
  type Statement,
} from './search-statements.js';

/** What one statement of a search may take, of what a statement may: who waits is told what to ask instead. */
const SHARE = 0.8;
/** The most events that are looked at one by one since they are not in the index yet. */
const SCANNED = 2_000;
/** The most events of the log that are looked at for one part while the index is further behind than that. */
const WALKED_OF_LOG = 1_000;
/** Entries of the index that are looked at one by one for each event of a part, before they are looked up by their terms. */
const WALKED_FOR_EACH = 20;
const WALKED = 2_000;
/** How many events {@link AuditSearch.each} reads at once. */
const AT_ONCE = 1_000;

type Found = Readonly<{ zone_id: string; id: string }>;
type Candidates = Readonly<{ rows: readonly Found[]; next?: string }>;

/**
 * Finds events of the audit log, each exactly once, whether it is in the index already or not: of each chain it is known up
 * to which event it is in the index, and what comes after that is looked at itself.
 *
 * Ids of events begin with their time, and events come in the order of their ids, the newest first, so what is recorded
 * meanwhile moves nothing.
 */
@Injectable()
export class AuditSearch {
  constructor(@InjectDataSource(OPERATORS_READING) private readonly dataSource: DataSource) {}

  /**
   * One part of the events of some zones that have all of what is asked for.
   *
   * @throws {OAuthError} temporarily_unavailable if it would take too long
   * @throws the driver's error
   */
  async page(scope: AuditScope, filters: AuditFilters, part: AuditPart): Promise<AuditPage> {
    if (scope.zones?.length === 0) return { items: [] };
    if (!isSpread(this.dataSource)) return this.pageOf(scope, filters, part);
    const { limit, offset = 0, ...from } = part;
    // What is left out may be anywhere.
    const all = { ...from, limit: offset + limit };
    const pages = await atAllOrSome(this.dataSource, scope.zones, (zones) =>
      this.pageOf({ zones }, filters, all),
    );
    return mergePages(pages, { limit, offset });
  }

  private async pageOf(
    scope: AuditScope,
    filters: AuditFilters,
    part: AuditPart,
  ): Promise<AuditPage> {
    try {
      return await this.dataSource.transaction('REPEATABLE READ', async (tx) => {
        await tx.query(`SET TRANSACTION READ ONLY`);
        await tx.query(limitTo(SHARE));
        return await this.read(tx, scope, filters, part);
      });
    } catch (error) {
      throw tookTooLong(error) ? tooLong(error) : error;
    }
  }

  /**
   * All events of some zones that have all of what is asked for, in parts, the newest first. Each part is read by itself and
   * held by nobody; what is recorded in the meantime is not in it.
   *
   * @throws {OAuthError} temporarily_unavailable if a part would take too long
   */
  async *each(
    scope: AuditScope,
    filters: AuditFilters,
    limit = AT_ONCE,
  ): AsyncGenerator<readonly AuditedEvent[], void> {
    let after: string | undefined;
    do {
      // oxlint-disable-next-line no-await-in-loop
      const page: AuditPage = await this.page(scope, filters, {
        limit,
        ...(after === undefined ? {} : { after }),
      });
      if (page.items.length > 0) yield page.items;
      after = page.next;
    } while (after !== undefined);
  }

  private async read(
    tx: EntityManager,
    { zones }: AuditScope,
    filters: AuditFilters,
    { limit, after, offset = 0 }: AuditPart,
  ): Promise<AuditPage> {
    const sought: Sought = {
      zones: zones?.map((zone) => zone.toLowerCase()) ?? null,
      range: idRange(filters, after),
      time: filters,
      terms: termsOf(filters),
      // One more than asked for tells whether there are more.
      limit: offset + limit + 1,
    };
    const [counted] = await ask<{ behind: number }>(tx, countBehind(sought.zones));
    const isBehind = (counted?.behind ?? 0) > SCANNED;
    const { rows, next } = isBehind ? await inLog(tx, sought) : await inIndex(tx, sought);
    const shown = rows.slice(offset, offset + limit);
    const last = rows.length > offset + limit ? shown.at(-1)?.id : next;
    const events = await ask<EventRow>(tx, readEvents(shown, sought));
    return { items: events.map(toEvent), ...(last === undefined ? {} : { next: last }) };
  }
}

/** What the index has, and what is not in it yet. */
async function inIndex(tx: EntityManager, sought: Sought): Promise<Candidates> {
  const { range, terms, limit } = sought;
  const walked = Math.max(WALKED, WALKED_FOR_EACH * limit);
  // Common terms are found by looking, rare ones by looking them up.
  const [floor] =
    terms.length === 0 ? [] : await ask<Found>(tx, floorOfIndex({ ...sought, limit: walked }));
  const near = await ask<Found>(tx, walk(sought, floor?.id ?? null));
  if (floor === undefined) return { rows: near };
  const enough = near.filter(({ id }) => id >= floor.id).length >= limit;
  if (enough) return { rows: near };
  await tx.query(BY_TERMS);
  const below = { ...sought, range: { ...range, below: floor.id } };
  const far = await ask<Found>(tx, lookUp(below));
  return { rows: [...near, ...far].toSorted((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit) };
}

/** What the log has, as far as it is looked through for one part. */
async function inLog(tx: EntityManager, sought: Sought): Promise<Candidates> {
  const [floor] =
    sought.terms.length === 0
      ? []
      : await ask<Found>(tx, floorOfLog({ ...sought, limit: WALKED_OF_LOG }));
  const rows = await ask<Found>(tx, walkLog(sought, floor?.id ?? null));
  return { rows, ...(floor === undefined ? {} : { next: floor.id }) };
}

/** Statements after it use the index by terms, whatever the planner knows of tables that nobody has analyzed yet. */
const BY_TERMS = `SELECT set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'off', true)`;

async function ask<R>(tx: EntityManager, { text, values }: Statement): Promise<R[]> {
  return tx.query<R[]>(text, values);
}

interface EventRow {
  readonly zone_id: string;
  readonly id: string;
  readonly writer: string;
  readonly seq: number;
  readonly hash: string;
  readonly previous_hash: string;
  readonly text: string;
}

function toEvent({ zone_id: zoneId, previous_hash: previousHash, ...row }: EventRow): AuditedEvent {
  return { ...row, zoneId, previousHash };
}

/** Whether PostgreSQL gave a statement up since it took too long. */
function tookTooLong(error: unknown): boolean {
  const driver: unknown = error instanceof Error ? Reflect.get(error, 'driverError') : undefined;
  return driver instanceof Error && Reflect.get(driver, 'code') === '57014';
}

function tooLong(cause: unknown): OAuthError {
  return new OAuthError(
    'temporarily_unavailable',
    'the search takes too long: ask for a shorter time by from and to, for one zone, or for what is rarer',
    { retryAfter: 5, cause },
  );
}
