import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import type { Look } from './database-job.js';
import { PerShard } from './shard-scope.js';

const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** How far the turns have come. */
interface Place {
  /** The zone that had its turn last. */
  after: string;
  /** Whether there may be more to be done now of a zone that had its turn since the first one had. */
  more: boolean;
}

/**
 * The turns of zones at a queue, a table whose key begins with `zone_id`: some zones in each round, beginning after the
 * last one of the round before. So much of one zone is no delay for another.
 */
export class ZoneRounds {
  private readonly places = new PerShard<Place>(() => ({ after: FIRST_ID, more: false }));
  private readonly nextZones: string;

  /**
   * @param table the queue; a name of ours
   * @param most zones of one round
   * @param failing what the log says when the turn of one zone fails
   */
  constructor(
    private readonly dataSource: DataSource,
    private readonly logger: Logger,
    table: string,
    private readonly most: number,
    private readonly failing: string,
  ) {
    // Each zone is found by the index, however much of one there is.
    this.nextZones = `
      WITH RECURSIVE zones (zone_id, n) AS (
        (SELECT q.zone_id, 1 FROM ${table} q WHERE q.zone_id > $1::uuid ORDER BY q.zone_id LIMIT 1)
        UNION ALL
        SELECT (SELECT q.zone_id FROM ${table} q WHERE q.zone_id > z.zone_id ORDER BY q.zone_id LIMIT 1), z.n + 1
          FROM zones z WHERE z.zone_id IS NOT NULL AND z.n < $2::integer
      )
      SELECT zone_id AS "zoneId" FROM zones WHERE zone_id IS NOT NULL ORDER BY zone_id`;
  }

  /**
   * Has a round: one turn for each of the next zones that have something in the queue. A turn that fails is logged, and
   * stops no other.
   *
   * @param turn does a share of what is there for one zone; says whether there may be more that can be done now
   * @throws what the last turn has thrown if all have; the driver's error
   */
  async look(stopped: AbortSignal, turn: (zoneId: string) => Promise<boolean>): Promise<Look> {
    const place = this.places.current;
    const zones = await this.dataSource.query<{ zoneId: string }[]>(this.nextZones, [
      place.after,
      this.most,
    ]);
    if (place.after === FIRST_ID) place.more = false;
    let failures = 0;
    for (const { zoneId } of zones) {
      if (stopped.aborted) return 'waiting';
      place.after = zoneId;
      try {
        // One after the other: a job has one connection at a time.
        // oxlint-disable-next-line no-await-in-loop
        if (await turn(zoneId)) place.more = true;
      } catch (error) {
        failures += 1;
        if (failures === zones.length) throw error;
        this.logger.warn({ err: error, zone_id: zoneId }, this.failing);
      }
    }
    // The others have their turn before it is said that there is nothing more to be done.
    if (zones.length === this.most) return 'more';
    const isFirst = zones.length === 0 && place.after === FIRST_ID;
    place.after = FIRST_ID;
    if (place.more) return 'more';
    return isFirst ? 'nothing' : 'waiting';
  }
}
