import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { RunningEnv } from '../platform/config/env.js';
import { ChangeFeed } from '../platform/database/change-feed.js';
import { dataSourceOptions } from './data-source.js';
import { endBrokenConnections } from '../platform/database/broken-connections.js';

/** The connection to PostgreSQL and the news from it. The schema is migrated before Nest starts. */
@Module({})
export class DatabaseModule {
  static forRoot(env: RunningEnv): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        TypeOrmModule.forRootAsync({
          useFactory: () => ({
            ...dataSourceOptions(env.databaseUrl),
            retryAttempts: 30,
            retryDelay: 1_000,
          }),
          dataSourceFactory: async (options) => {
            if (options === undefined) throw new Error('no data source options');
            const dataSource = await new DataSource(options).initialize();
            endBrokenConnections(dataSource);
            return dataSource;
          },
        }),
      ],
      providers: [ChangeFeed],
      exports: [ChangeFeed],
    };
  }
}
