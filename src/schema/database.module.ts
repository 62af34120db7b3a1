import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { RunningEnv } from '../platform/config/env.js';
import { ChangeFeed } from '../platform/database/change-feed.js';
import { dataSourceOptions } from './data-source.js';
import { endBrokenConnections } from '../platform/database/broken-connections.js';
import { becomeImpatient } from '../platform/database/impatient-pool.js';
import type { StartPatience } from '../platform/database/start-patience.js';

/** The connection to PostgreSQL and the news from it. The schema is migrated before Nest starts. */
@Module({})
export class DatabaseModule {
  /** @param patience of the start; a command has none, and fails at once */
  static forRoot(env: RunningEnv, patience: StartPatience | null): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        TypeOrmModule.forRootAsync({
          useFactory: () => ({
            ...dataSourceOptions(env.databaseUrl, env.limits),
            // Whether waiting helps is for the patience to say.
            toRetry: () => false,
          }),
          dataSourceFactory: async (options) => {
            if (options === undefined) throw new Error('no data source options');
            const initialize = () => new DataSource(options).initialize();
            const dataSource = await (patience?.until(initialize) ?? initialize());
            endBrokenConnections(dataSource);
            becomeImpatient(dataSource, env.limits.waitMs);
            return dataSource;
          },
        }),
      ],
      providers: [ChangeFeed],
      exports: [ChangeFeed],
    };
  }
}
