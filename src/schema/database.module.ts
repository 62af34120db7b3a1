import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { RunningEnv } from '../platform/config/env.js';
import { ChangeFeed } from '../platform/database/change-feed.js';
import { OPERATORS } from '../platform/database/operators-connections.js';
import { ZoneReads } from '../platform/database/zone-reads.service.js';
import { dataSourceOptions, operatorsOptions } from './data-source.js';
import { endBrokenConnections } from '../platform/database/broken-connections.js';

/** The connections to PostgreSQL and the news from it. The schema is migrated before Nest starts. */
@Module({})
export class DatabaseModule {
  static forRoot(env: RunningEnv): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        connections({ ...dataSourceOptions(env.databaseUrl) }),
        connections({ ...operatorsOptions(env.databaseUrl), name: OPERATORS }),
      ],
      providers: [ChangeFeed, ZoneReads],
      exports: [ChangeFeed, ZoneReads],
    };
  }
}

function connections(options: TypeOrmModuleOptions & { readonly name?: string }): DynamicModule {
  return TypeOrmModule.forRootAsync({
    ...(options.name === undefined ? {} : { name: options.name }),
    useFactory: () => ({ ...options, retryAttempts: 30, retryDelay: 1_000 }),
    dataSourceFactory: async (given) => {
      if (given === undefined) throw new Error('no data source options');
      const dataSource = await new DataSource(given).initialize();
      endBrokenConnections(dataSource);
      return dataSource;
    },
  });
}
