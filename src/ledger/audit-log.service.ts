import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';

/** An audit event as it was recorded, all members. */
export type RecordedEvent = Readonly<Record<string, unknown>>;

/** The most events that are read of one request: callers choose request ids, and may use one again. */
const MAX_EVENTS = 100;

/** Reads audit events. */
@Injectable()
export class AuditLog {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The events of one type that were recorded under a request id, the latest first, 100 at most. */
  async byRequest(requestId: string, type: string): Promise<RecordedEvent[]> {
    const rows = await this.dataSource.query<{ event: RecordedEvent }[]>(
      `SELECT event FROM audit_events WHERE request_id = $1 AND type = $2
        ORDER BY id DESC LIMIT ${MAX_EVENTS}`,
      [requestId, type],
    );
    return rows.map(({ event }) => event);
  }
}
