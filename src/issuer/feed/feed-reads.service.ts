import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { atZone, atZones } from '../../platform/database/at-zones.js';
import { ZoneReads } from '../../platform/database/zone-reads.service.js';
import type { FeedItem } from './feed-item.js';

/** The most items that are read at once, of one zone. */
export const PAGE = 500;

/** Some of the feed of a zone. */
export interface FeedPage {
  readonly items: readonly FeedItem[];
  /** The last position that was given to any item of any zone: one beyond it was given out by another database. */
  readonly highest: number;
}

/** Reads the revocation feed, whose positions are committed in their order (`revocation-feed.sql`). */
@Injectable()
export class FeedReads {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly reads: ZoneReads,
  ) {}

  /**
   * The items of a zone after a position that still matter, the first {@link PAGE} of them.
   *
   * @throws {OAuthError} temporarily_unavailable if the zone wants too much; the driver's error
   */
  async page(zoneId: string, after: number): Promise<FeedPage> {
    const rows = await this.reads.read(zoneId, () =>
      this.dataSource.query<FeedPage[]>(READ_PAGE, [zoneId, after, PAGE]),
    );
    return rows[0] ?? { items: [], highest: 0 };
  }

  /** The last position of a zone; 0 if it has none. @throws the driver's error */
  async lastPosition(zoneId: string): Promise<number> {
    const rows = await atZone(this.dataSource, zoneId, () =>
      this.dataSource.query<{ position: number }[]>(LAST, [zoneId]),
    );
    return rows[0]?.position ?? 0;
  }

  /**
   * What has come in several zones, each after a position of its own: at most {@link PAGE} of each.
   *
   * @throws the driver's error
   */
  async news(
    after: ReadonlyMap<string, number>,
  ): Promise<ReadonlyMap<string, readonly FeedItem[]>> {
    const rows = await atZones(this.dataSource, [...after.keys()], (zoneIds) =>
      this.dataSource.query<{ zone: string; items: FeedItem[] }[]>(READ_NEWS, [
        zoneIds,
        zoneIds.map((id) => after.get(id)),
        PAGE,
      ]),
    );
    return new Map(rows.flat().map(({ zone, items }) => [zone, items]));
  }

  /**
   * Has what was taken back in some zones given its position, if it waits for that: who waits for items hears of them
   * soon, also where nobody was woken by what has entered them.
   *
   * @throws the driver's error
   */
  async hurry(zoneIds: readonly string[]): Promise<void> {
    await atZones(this.dataSource, zoneIds, (ids) => this.dataSource.query(HURRY, [ids]));
  }
}

const ITEM = `json_strip_nulls(json_build_object('position', f.position,
    'at', to_char(f.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'kind', f.kind,
    'key', rtrim(translate(encode(f.key, 'base64'), '+/', '-_'), '='), 'gen', f.gen,
    'until', to_char(f.until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))`;

const READ_PAGE = `
  SELECT (SELECT p.last_value FROM revocation_feed_positions p)::float8 AS highest,
         coalesce((SELECT json_agg(${ITEM} ORDER BY f.position) FROM (
           SELECT * FROM revocation_feed
            WHERE zone_id = $1 AND position > $2 AND until > clock_timestamp()
            ORDER BY position LIMIT $3) AS f), '[]') AS items`;

const LAST =
  'SELECT coalesce(max(position), 0)::float8 AS position FROM revocation_feed WHERE zone_id = $1';

const READ_NEWS = `
  SELECT z.zone_id AS zone, json_agg(${ITEM} ORDER BY f.position) AS items
    FROM unnest($1::uuid[], $2::bigint[]) AS z (zone_id, after)
   CROSS JOIN LATERAL (
     SELECT * FROM revocation_feed n WHERE n.zone_id = z.zone_id AND n.position > z.after
      ORDER BY n.position LIMIT $3) AS f
   GROUP BY z.zone_id`;

const HURRY = `
  SELECT wake_job('revocation feed')
   WHERE EXISTS (SELECT FROM unnest($1::uuid[]) AS z (id) JOIN revocation_notices n ON n.zone_id = z.id)`;
