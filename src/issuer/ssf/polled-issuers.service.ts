import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';

/** Seconds after which an issuer whose turn was begun and not reported on is due again. */
const LEASE = 60;

/** A trusted issuer whose signals are to be fetched. */
export interface DueIssuer {
  readonly zoneId: string;
  readonly id: string;
  readonly issuer: string;
  readonly url: string;
  readonly sealedToken: Buffer | null;
  /** How often in a row it was tried in vain. */
  readonly attempts: number;
}

/** The trusted issuers whose signals are fetched, for all replicas together: one at a time asks one of them. */
@Injectable()
export class PolledIssuers {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /**
   * Takes issuers that are due. One becomes due again by itself unless it is reported on.
   *
   * @param limits how many at most, and of one zone; how many are under way already, by zone
   */
  take(limits: {
    most: number;
    ofOneZone: number;
    underWay: ReadonlyMap<string, number>;
  }): Promise<DueIssuer[]> {
    return this.dataSource.query<DueIssuer[]>(TAKE, [
      JSON.stringify(Object.fromEntries(limits.underWay)),
      limits.ofOneZone,
      limits.most,
      LEASE,
    ]);
  }

  /** Reports that an issuer has answered. @param seconds when to ask it again */
  async answered({ zoneId, id, url }: DueIssuer, seconds: number): Promise<void> {
    await this.dataSource.query(
      `UPDATE ssf_polls p SET attempts = 0, last_error = NULL, answered_at = clock_timestamp(),
              due_at = clock_timestamp() + make_interval(secs => $4::float8) ${OF_ISSUER}`,
      [zoneId, id, url, seconds],
    );
  }

  /** Reports that an issuer has not answered, or with nothing usable. @param seconds when to try again */
  async failed({ zoneId, id, url }: DueIssuer, error: string, seconds: number): Promise<void> {
    await this.dataSource.query(
      `UPDATE ssf_polls p SET attempts = attempts + 1, last_error = $5,
              due_at = clock_timestamp() + make_interval(secs => $4::float8) ${OF_ISSUER}`,
      [zoneId, id, url, seconds, error],
    );
  }
}

/** What is reported of another place than the present one is of no meaning. */
const OF_ISSUER = `
    FROM trusted_issuers t
   WHERE p.zone_id = $1 AND p.issuer_id = $2 AND t.zone_id = $1 AND t.id = $2 AND t.ssf_poll_url = $3`;

/** Takes the issuers that have waited for longest, those of each zone in turn, and none that another replica has. */
const TAKE = `
  WITH under_way AS (
    SELECT key::uuid AS zone_id, value::integer AS count FROM jsonb_each_text($1::jsonb)
  ), due AS (
    SELECT t.zone_id, t.id, p.due_at,
           row_number() OVER (PARTITION BY t.zone_id ORDER BY p.due_at NULLS FIRST, t.id) AS turn
      FROM trusted_issuers t JOIN zones z ON z.id = t.zone_id AND z.removed_at IS NULL AND z.away IS NULL
      LEFT JOIN ssf_polls p ON p.zone_id = t.zone_id AND p.issuer_id = t.id
     WHERE t.ssf_poll_url IS NOT NULL AND coalesce(p.due_at <= clock_timestamp(), true)
  ), picked AS (
    SELECT d.zone_id, d.id FROM due d LEFT JOIN under_way u ON u.zone_id = d.zone_id
     WHERE coalesce(u.count, 0) + d.turn <= $2::integer
     ORDER BY d.turn, d.due_at NULLS FIRST LIMIT $3
  ), leased AS (
    INSERT INTO ssf_polls (zone_id, issuer_id, due_at)
    SELECT p.zone_id, p.id, clock_timestamp() + make_interval(secs => $4) FROM picked p ORDER BY p.zone_id, p.id
    ON CONFLICT (zone_id, issuer_id) DO UPDATE SET due_at = EXCLUDED.due_at
     WHERE ssf_polls.due_at <= clock_timestamp()
    RETURNING zone_id, issuer_id, attempts
  )
  SELECT t.zone_id AS "zoneId", t.id, t.issuer, t.ssf_poll_url AS url, t.sealed_ssf_poll_token AS "sealedToken", l.attempts
    FROM leased l JOIN trusted_issuers t ON t.zone_id = l.zone_id AND t.id = l.issuer_id`;
