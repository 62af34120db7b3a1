import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';

/** An audit event as it was recorded, all members. */
export type RecordedEvent = Readonly<Record<string, unknown>>;

/** Which part of a list of events is asked for. */
export interface EventPageQuery {
  /** How many at most. */
  readonly limit: number;
  /** The id of the event after which the part starts. */
  readonly after?: string;
  /** The zones of which events are shown; `null` for all, and what is of none. */
  readonly zones: readonly string[] | null;
}

/** One part of a list of events. */
export interface EventPage {
  readonly items: readonly RecordedEvent[];
  /** What to give as `after` for the next part; absent at the end. */
  readonly next?: string;
}

/** The form of the ids that requests are given here. */
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Reads audit events. */
@Injectable()
export class AuditLog {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /**
   * The events of one type, or of all, that were recorded of a request, by our id for it, by what its caller calls it, or, where it does
   * not call it anything, by the trace that it is part of.
   * Our id is of one request. Of a caller's label there may be any number, others' among them, so those of
   * callers who had proved who they were come first, the latest first; then those of strangers.
   *
   * @param name our id, the caller's label, or the id of a trace
   * @param type `null` for all
   */
  async byRequest(
    name: string,
    type: string | null,
    { limit, after, zones }: EventPageQuery,
  ): Promise<EventPage> {
    const exact = UUID_V7.test(name) && (await this.isRequestId(name, type, zones));
    // One more than asked for tells whether there are more.
    const rows = await this.dataSource.query<EventRow[]>(exact ? BY_ID : BY_ID_OR_LABEL, [
      name,
      type,
      limit + 1,
      after ?? null,
      zones,
    ]);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const more = rows.length > limit && last !== undefined;
    return { items: shown.map(eventOf), ...(more ? { next: last.id } : {}) };
  }

  private async isRequestId(
    name: string,
    type: string | null,
    zones: EventPageQuery['zones'],
  ): Promise<boolean> {
    const rows = await this.dataSource.query<object[]>(
      `SELECT 1 FROM audit_events
        WHERE request_id = $1 AND ($2::text IS NULL OR type = $2) AND ($3::uuid[] IS NULL OR zone_id = ANY ($3)) LIMIT 1`,
      [name, type, zones],
    );
    return rows.length > 0;
  }
}

/** An event in whichever form it was stored: as text, or as `jsonb`. */
interface EventRow {
  readonly id: string;
  readonly event: RecordedEvent;
  readonly event_text: string | null;
}

function eventOf({ event, event_text: text }: EventRow): RecordedEvent {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as the ledger wrote it
  return text === null ? event : (JSON.parse(text) as RecordedEvent);
}

/** A statement that reads a part of the events that one of these columns names; the index by label has this order. */
function listing(columns: readonly string[]): string {
  const parts = columns.map(
    (column) => `
      (SELECT id, client_id IS NULL AS stranger, event, event_text FROM audit_events
        WHERE ${column} = $1 AND ($2::text IS NULL OR type = $2) AND ($5::uuid[] IS NULL OR zone_id = ANY ($5))
          AND ($4::uuid IS NULL OR (client_id IS NULL) > (SELECT stranger FROM start)
               OR ((client_id IS NULL) = (SELECT stranger FROM start) AND id < $4))
        ORDER BY (client_id IS NULL), id DESC LIMIT $3)`,
  );
  return `
    WITH start AS (
      SELECT client_id IS NULL AS stranger FROM audit_events
       WHERE id = $4 AND (request_id = $1 OR request_label = $1) AND ($5::uuid[] IS NULL OR zone_id = ANY ($5))
    )
    SELECT id, event, event_text FROM (${parts.join(' UNION ALL ')}) AS found
     ORDER BY stranger, id DESC LIMIT $3`;
}

const BY_ID = listing(['request_id']);
/** Before requests had ids of their own, callers' labels were recorded as such. */
const BY_ID_OR_LABEL = listing(['request_id', 'request_label']);
