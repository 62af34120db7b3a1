import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { isBusy } from './moved-days.js';
import { MoveRefused } from './zone-states.js';

/** How much is given its position at once, how often it is tried, and milliseconds in between while others are at it. */
const SHARE = 200;
const ATTEMPTS = 300;
const AGAIN_MS = 100;

/**
 * Gives all that was taken back in a zone that is stopped its position in the revocation feed. One that it was given here later
 * would be another one where it is received, and who has read as far as that would miss what is taken back there.
 *
 * @param client not in a transaction: each share is one, as those of replicas are (`revocation-feed.sql`)
 * @throws {MoveRefused} if others do not let it get on
 */
export async function settleFeed(client: pg.Client, zoneId: string): Promise<void> {
  for (let left = ATTEMPTS; left > 0;) {
    // oxlint-disable no-await-in-loop
    const more = await advance(client, zoneId);
    const { rows } = await client.query<{ pending: boolean }>(PENDING, [zoneId]);
    if (rows[0]?.pending !== true) return;
    if (more) continue;
    left -= 1;
    await sleep(AGAIN_MS);
    // oxlint-enable no-await-in-loop
  }
  throw new MoveRefused('the revocation feed of the zone does not get on: try again');
}

/** @returns whether there may be more that can be done now */
async function advance(client: pg.Client, zoneId: string): Promise<boolean> {
  try {
    const { rows } = await client.query<{ more: boolean }>(ADVANCE, [zoneId, SHARE]);
    return rows[0]?.more === true;
  } catch (error) {
    if (!isBusy(error)) throw error;
    return false;
  }
}

const ADVANCE = 'SELECT revocation_feed_advance_one($1, $2) AS more';
const PENDING = 'SELECT EXISTS (SELECT FROM revocation_notices WHERE zone_id = $1) AS pending';
