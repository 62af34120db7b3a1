import { DataSource } from 'typeorm';
import { readEnvironment } from './src/platform/config/environment.js';
import { migrationOptions } from './src/schema/data-source.js';

const { databaseUrl } = readEnvironment().env;
if (databaseUrl === undefined)
  throw new Error('DATABASE_URL is needed for the TypeORM command line');

/**
 * For the TypeORM command line: `npx typeorm -d dist/ormconfig.js …`. It knows the tables only; the SQL
 * functions come with `npm run migrate` and with each start.
 */
export default new DataSource(migrationOptions(databaseUrl));
