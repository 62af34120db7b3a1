import type pg from 'pg';
import { Receipts, type ReceiptSet } from '../../src/evidence/receipts/receipts.service.js';
import type { NoteSigner } from '../../src/transparency-log/note-key.js';

/** The receipt of an event of a zone, of a database without a server. */
export async function receiptsOf(
  client: pg.Client,
  signer: NoteSigner,
  zone: string,
): Promise<ReceiptSet> {
  const query = async (sql: string, values: unknown[]): Promise<unknown[]> =>
    (await client.query<Record<string, unknown>>(sql, values)).rows;
  const db = { query } as never;
  const keys = { signer: async () => ({ id: '', signer }) } as never;
  const receipts = new Receipts(db, db, keys, { now: () => Date.now() });
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM audit_events WHERE zone_id = $1 ORDER BY id LIMIT 1',
    [zone],
  );
  const found = await receipts.ofChange(zone, rows[0]?.id ?? '');
  if (typeof found === 'string') throw new Error(found);
  return found;
}
