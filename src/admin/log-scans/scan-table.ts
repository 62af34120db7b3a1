import type { EntityManager } from 'typeorm';
import type { TakenScan } from './scan.js';

type Queries = Pick<EntityManager, 'query'>;
type ScanKey = Pick<TakenScan, 'zoneId' | 'id'>;

/** Seconds for which a scan is a process's own; after a crash nobody is at it for so long. */
export const LEASE_SECONDS = 30;

/** What a table of scans has beside the columns of all. */
export interface ScanTableTerms {
  readonly name: string;
  /** Further columns of a scan that is taken, in SQL about `s`. */
  readonly reads?: string;
  /** What else is set once a scan is over, in SQL. */
  readonly atEnd?: string;
}

/**
 * A table of scans: which of them is due, and whose it is. A process takes one for {@link LEASE_SECONDS}, keeps it for as long
 * as it is at it, and lets go of it, so what a crash leaves undone another one goes on with.
 */
export class ScanTable<Taken extends TakenScan> {
  private readonly sql: Readonly<Record<'take' | 'lease' | 'fail' | 'cancel', string>>;

  constructor({ name, reads, atEnd }: ScanTableTerms) {
    const more = reads === undefined ? '' : `, ${reads}`;
    const over = `finished_at = clock_timestamp()${atEnd === undefined ? '' : `, ${atEnd}`}`;
    const held = `zone_id = $1 AND id = $2 AND holder = $3 AND state = 'running'`;
    this.sql = {
      take: `
        UPDATE ${name} s
           SET holder = $1, leased_until = clock_timestamp() + $2::float8 * interval '1 second', state = 'running',
               started_at = coalesce(s.started_at, clock_timestamp())
         WHERE (s.zone_id, s.id) = (
                 SELECT d.zone_id, d.id FROM ${name} d
                  WHERE d.state IN ('queued', 'running') AND d.leased_until < clock_timestamp()
                  ORDER BY d.leased_until LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING s.zone_id AS "zoneId", s.id, s.base_policy_set_version_id AS "basePolicySetVersionId",
                  s.base_manifest_sha256 AS "baseManifestSha256", extract(epoch FROM s.from_at)::float8 * 1000 AS "fromMs",
                  extract(epoch FROM s.to_at)::float8 * 1000 AS "toMs", s.cursor_id AS "cursorId", s.progress${more}`,
      lease: `UPDATE ${name} SET leased_until = clock_timestamp() + $4::float8 * interval '1 second' WHERE ${held}`,
      fail: `UPDATE ${name} SET state = 'failed', problem = $4, ${over} WHERE ${held}`,
      cancel: `
        UPDATE ${name} SET state = 'cancelled', ${over}
         WHERE zone_id = $1 AND id = $2 AND state IN ('queued', 'running')`,
    };
  }

  /** Takes a scan that is due, of all zones that which nobody has been at for longest. @returns `null` if none is */
  async take(db: Queries, holder: string): Promise<Taken | null> {
    const [rows] = await db.query<[Taken[], number]>(this.sql.take, [holder, LEASE_SECONDS]);
    return rows[0] ?? null;
  }

  /** Keeps a scan for longer. @returns whether it is this process's still */
  keep(db: Queries, holder: string, { zoneId, id }: ScanKey): Promise<boolean> {
    return hit(db, this.sql.lease, [zoneId, id, holder, LEASE_SECONDS]);
  }

  /**
   * Lets go of a scan, so that another process, or another turn, can go on with it.
   *
   * @param inSeconds when that is at the earliest; at once by default
   */
  async leave(db: Queries, holder: string, { zoneId, id }: ScanKey, inSeconds = 0): Promise<void> {
    await db.query(this.sql.lease, [zoneId, id, holder, inSeconds]);
  }

  /**
   * Ends a scan that cannot go on, at the place in the log that it has come to.
   *
   * @param problem why, for its operator
   * @returns whether it is ended: not if it was cancelled, or another process is at it
   */
  fail(db: Queries, holder: string, { zoneId, id }: ScanKey, problem: string): Promise<boolean> {
    return hit(db, this.sql.fail, [zoneId, id, holder, problem]);
  }

  /** Cancels a scan, whoever is at it. @returns whether it was under way */
  cancel(db: Queries, { zoneId, id }: ScanKey): Promise<boolean> {
    return hit(db, this.sql.cancel, [zoneId, id]);
  }
}

async function hit(db: Queries, sql: string, parameters: unknown[]): Promise<boolean> {
  const [, rows] = await db.query<[unknown[], number]>(sql, parameters);
  return rows > 0;
}
