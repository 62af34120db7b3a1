import type { DataSource, EntityManager } from 'typeorm';

/**
 * Runs statements in one transaction (`READ COMMITTED`) and commits it if its result is one to keep. A
 * refusal is no error, so it is returned like any other result, and what led to it is undone all the same.
 *
 * @param keep whether the result is to be committed
 * @param run the statements; what it throws undoes them, too, and is thrown on
 */
export async function commitIf<T>(
  dataSource: DataSource,
  keep: (result: T) => boolean,
  run: (tx: EntityManager) => Promise<T>,
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction('READ COMMITTED');
    const result = await run(runner.manager);
    if (keep(result)) await runner.commitTransaction();
    else await runner.rollbackTransaction();
    return result;
  } catch (error) {
    // A connection that is gone cannot roll back, and then the database does.
    await runner.rollbackTransaction().catch(() => {});
    throw error;
  } finally {
    await runner.release();
  }
}
