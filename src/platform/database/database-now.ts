import type { EntityManager } from 'typeorm';

/**
 * The time by the database's clock, which all replicas share: what is decided and scheduled goes by it.
 *
 * @param tx the transaction or connection that asks
 * @returns whole milliseconds since the epoch, of this moment and not of the transaction's beginning
 */
export async function databaseNow(tx: EntityManager): Promise<number> {
  const rows = await tx.query<{ now: number }[]>(
    'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
  );
  return rows[0]?.now ?? Number.NaN;
}
