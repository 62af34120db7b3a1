import type pg from 'pg';
import { whereItIs, type Away } from '../../oauth/away.js';
import { passCounters } from './counters.js';
import { MOVED, NO_NEWS } from './moved-tables.js';
import type { Manifest } from './zone-file.js';
import { BrokenFile } from './sealed-parts.js';
import { MoveRefused } from './zone-states.js';

/**
 * Refuses a zone that cannot be here: one that is, or was, or whose name another zone has.
 *
 * @throws {MoveRefused}
 */
export async function refuseIfThere(
  client: pg.Client,
  { zoneId, name, from, move }: Manifest,
  installation: string,
): Promise<void> {
  if (from !== installation && new URL(from).host === new URL(installation).host) {
    throw new MoveRefused('the installation that sends it has the host of this one');
  }
  const { rows } = await client.query<{ id: string; away: Away | null }>(
    'SELECT id, away FROM zones WHERE id = $1 OR name = $2 ORDER BY id = $1 DESC FOR UPDATE',
    [zoneId, name],
  );
  for (const { id, away } of rows) {
    if (id !== zoneId) throw new MoveRefused(`another zone is called ${name}: rename it first`);
    if (away === null) throw new MoveRefused('the zone is here already');
    if (away.state !== 'arriving') throw new MoveRefused(whereItIs(away));
    if (away.move === move) throw new MoveRefused('the file was received already');
  }
}

/** What is thrown for a row that cannot be here beside another one: in words, where it was that. */
export function asRefusal(error: unknown): unknown {
  if (!(error instanceof Error) || Reflect.get(error, 'code') !== '23505') return error;
  const constraint = String(Reflect.get(error, 'constraint'));
  const what = constraint === 'zones_issuer_url_key' ? 'another zone has its issuer' : constraint;
  return new MoveRefused(`something of the zone is here already: ${what}`);
}

/** Takes away a zone that has arrived and is not served, for one that is sent once more. Its log stays: that only grows. */
export async function forgetArriving(client: pg.Client, zoneId: string): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE zones SET active_policy_set_version_id = NULL, shadow_policy_set_version_id = NULL
      WHERE id = $1 AND away->>'state' = 'arriving'`,
    [zoneId],
  );
  if (rowCount === 0) return;
  const gone = MOVED.filter(({ known }) => known === undefined).toReversed();
  for (const { name } of gone) {
    // oxlint-disable-next-line no-await-in-loop -- one connection
    await client.query(`DELETE FROM ${name} WHERE zone_id = $1`, [zoneId]);
  }
  await client.query('DELETE FROM zones WHERE id = $1', [zoneId]);
  for (const name of [...NO_NEWS, 'revocation_notices', 'ssf_outbox']) {
    // oxlint-disable-next-line no-await-in-loop -- one connection
    await client.query(`DELETE FROM ${name} WHERE zone_id = $1`, [zoneId]);
  }
}

/**
 * Completes a zone whose rows are written: says that it has arrived and is not served, and looks at what is unique beyond a
 * zone.
 *
 * @throws {MoveRefused} if another zone has an issuer or a client of it
 */
export async function settle(
  client: pg.Client,
  { zoneId, policies, counters }: Manifest,
  away: Away,
  installation: string,
): Promise<void> {
  const { rows } = await client.query<Settled>(SETTLE, [
    zoneId,
    away,
    policies.active,
    policies.shadow,
  ]);
  const [zone] = rows;
  if (zone === undefined) throw new BrokenFile('the zone itself is not in it');
  const { issuerMode: mode, issuerUrl: issuer, previousIssuer: previous } = zone;
  if (mode !== 'own' && away.peer !== installation) {
    throw new MoveRefused(
      `its issuer is below ${away.peer}, and this installation is ${installation}: it could not go on under the issuer that it has`,
    );
  }
  if (issuer !== null && new URL(issuer).host === new URL(installation).host) {
    throw new MoveRefused('the host of its issuer is that of this installation');
  }
  const { rows: others } = await client.query<{ id: string }>(CLIENTS, [zoneId]);
  if (others[0] !== undefined) {
    throw new MoveRefused(`another zone has a client ${others[0].id}`);
  }
  if (issuer !== null) {
    const { rows: former } = await client.query(FORMER, [zoneId, issuer]);
    if (former.length > 0) {
      throw new MoveRefused('another zone had its issuer, whose mandates are accepted still');
    }
  }
  if (previous !== null) {
    if (!URL.canParse(previous)) throw new BrokenFile('the issuer that it had before is none');
    const { rows: same } = await client.query(OF_ANOTHER, [zoneId, previous]);
    if (same.length > 0) throw new MoveRefused('another zone has the issuer that it had before');
  }
  await passCounters(client, counters);
  for (const name of NO_NEWS) {
    // oxlint-disable-next-line no-await-in-loop
    await client.query(`DELETE FROM ${name} WHERE zone_id = $1`, [zoneId]);
  }
}

interface Settled {
  readonly issuerMode: string;
  readonly issuerUrl: string | null;
  readonly previousIssuer: string | null;
}

const SETTLE = `UPDATE zones SET away = $2, active_policy_set_version_id = $3, shadow_policy_set_version_id = $4
  WHERE id = $1 RETURNING issuer_mode AS "issuerMode", issuer_url AS "issuerUrl", previous_issuer AS "previousIssuer"`;
const CLIENTS = `SELECT c.id FROM clients c WHERE c.zone_id = $1
  AND EXISTS (SELECT FROM clients o WHERE o.id = c.id AND o.zone_id <> c.zone_id) LIMIT 1`;
const FORMER = `SELECT 1 FROM zones WHERE id <> $1 AND previous_issuer = $2 AND previous_issuer_until > clock_timestamp()`;
const OF_ANOTHER = `SELECT 1 FROM zones WHERE id <> $1
  AND (issuer_url = $2 OR previous_issuer = $2 AND previous_issuer_until > clock_timestamp())`;
