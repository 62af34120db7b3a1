import { DataSource } from 'typeorm';
import { expect, onTestFinished, test, vi } from 'vitest';
import { StartPatience } from '../../src/platform/database/start-patience.js';
import { migrate } from '../../src/schema/migrate.js';
import { createEmptyDatabase } from '../setup/harness.js';

test('where all migrations were run no connections are made for them', async () => {
  const initialize = vi.spyOn(DataSource.prototype, 'initialize');
  onTestFinished(() => initialize.mockRestore());
  const databaseUrl = await createEmptyDatabase();
  const start = () => migrate(databaseUrl, new StartPatience(60, () => {}));
  expect(await start()).not.toEqual([]);
  expect(initialize).toHaveBeenCalledTimes(1);
  expect(await start()).toEqual([]);
  expect(initialize).toHaveBeenCalledTimes(1);
});
