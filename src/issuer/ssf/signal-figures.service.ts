import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';

/** Figures of the streams of all zones, as the database has them. */
@Injectable()
export class SignalFigures {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The number of streams on which nothing more is kept. */
  async stopped(): Promise<number> {
    const rows = await this.dataSource.query<{ count: number }[]>(
      'SELECT count(*)::float8 AS count FROM ssf_streams WHERE dropping_since IS NOT NULL',
    );
    return rows[0]?.count ?? 0;
  }

  /** The age of the oldest event on a stream that is enabled, in seconds; 0 if there is none. */
  async oldest(): Promise<number> {
    const rows = await this.dataSource.query<{ age: number }[]>(OLDEST);
    return rows[0]?.age ?? 0;
  }
}

/** The first event of each stream is its oldest: one step into the index for each. */
const OLDEST = `
  SELECT coalesce(extract(epoch FROM clock_timestamp() - min(first.created_at)), 0)::float8 AS age
    FROM ssf_streams s
   CROSS JOIN LATERAL (SELECT d.created_at FROM ssf_deliveries d WHERE d.zone_id = s.zone_id AND d.stream_id = s.id
                        ORDER BY d.seq LIMIT 1) AS first
   WHERE s.status = 'enabled'`;
