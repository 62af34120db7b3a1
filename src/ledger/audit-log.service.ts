import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';

/** A recorded event, whole. */
export type RecordedEvent = Readonly<Record<string, unknown>>;

/** Events of one request at most: a request id is the caller's word, and may have been used before. */
const MAX_EVENTS = 100;

/** Reads what was recorded. */
@Injectable()
export class AuditLog {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The events of one kind that were recorded under a request id, the latest first. */
  async byRequest(requestId: string, type: string): Promise<RecordedEvent[]> {
    const rows = await this.dataSource.query<{ event: RecordedEvent }[]>(
      `SELECT event FROM audit_events WHERE request_id = $1 AND type = $2
        ORDER BY id DESC LIMIT ${MAX_EVENTS}`,
      [requestId, type],
    );
    return rows.map(({ event }) => event);
  }
}
