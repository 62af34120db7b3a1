import type { QueryRunner } from 'typeorm';
import { isDistributed } from '../distribution/cluster.js';
import { placing } from '../distribution/placements.js';

/**
 * Puts a table that a migration has just made where it belongs, if the database is distributed; elsewhere it is there. Before
 * its foreign keys are added: rows of zones are referred to by what is where they are.
 *
 * @throws the driver's error
 */
export async function placeTable(db: QueryRunner, table: string): Promise<void> {
  const distributed = await isDistributed({
    query: async (text) => {
      const rows: unknown = await db.query(text);
      return { rows: Array.isArray(rows) ? rows : [] };
    },
  });
  if (distributed) await db.query(placing(table));
}
