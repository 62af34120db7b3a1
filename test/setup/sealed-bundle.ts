import type pg from 'pg';
import { BundleRows } from '../../src/evidence/bundle/bundle-rows.js';
import { writeBundle, type BundleScope } from '../../src/evidence/bundle/write-bundle.js';
import type { Queries } from '../../src/evidence/queries.js';

/** The bundle of a zone, of all that is sealed unless something else is asked for. */
export async function bundleOf(
  client: pg.Client,
  zone: string,
  scope: BundleScope = { zoneSizes: [], sizes: [] },
): Promise<string> {
  const db: Queries = {
    query: async <T>(sql: string, values: unknown[] = []) =>
      (await client.query(sql, values)).rows as T,
  };
  const lines = await writeBundle(new BundleRows(db, zone), scope);
  if (lines === null) throw new Error('nothing is sealed');
  let text = '';
  for await (const line of lines) text += line;
  return text;
}
