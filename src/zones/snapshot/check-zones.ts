import type { Basis } from './basis.js';

/** The connection that is read on. */
interface Reading {
  query<Rows>(text: string, values?: unknown[]): Promise<Rows>;
}

/** Which zones there are, by one statement. @param ids UUIDs @returns in their order */
export async function whichExist(on: Reading, ids: readonly string[]): Promise<boolean[]> {
  const rows = await on.query<{ id: string }[]>(EXISTING, [ids]);
  const found = new Set(rows.map(({ id }) => id));
  return ids.map((id) => found.has(id));
}

/** Which evaluations rested on what still is so, by one statement. @returns in their order */
export async function whichAreCurrent(on: Reading, bases: readonly Basis[]): Promise<boolean[]> {
  const asked = bases.map(({ zoneId, version, clients, labels }) => ({
    zone_id: zoneId,
    version,
    clients,
    labels,
  }));
  const rows = await on.query<{ current: boolean }[]>(CURRENT, [JSON.stringify(asked)]);
  return rows.map(({ current }) => current);
}

const EXISTING = 'SELECT id FROM zones WHERE id = ANY ($1::uuid[]) AND removed_at IS NULL';

const CURRENT = `
  SELECT coalesce(z.settings_version = asked.version, false)
         AND clients_are(asked.zone_id, asked.clients, asked.labels) AS current
    FROM ROWS FROM (jsonb_to_recordset($1) AS (zone_id uuid, version bigint, clients jsonb, labels jsonb))
         WITH ORDINALITY AS asked (zone_id, version, clients, labels, n)
    LEFT JOIN zones z ON z.id = asked.zone_id
   ORDER BY asked.n`;
