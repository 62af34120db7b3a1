import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { RunningEnv } from '../platform/config/env.js';
import { ChangeFeed } from '../platform/database/change-feed.js';
import { DatabaseJobs } from '../platform/database/database-jobs.js';
import { OPERATORS, OPERATORS_READING } from '../platform/database/operators-connections.js';
import { ZoneReads } from '../platform/database/zone-reads.service.js';
import { dataSourceOptions, operatorsOptions } from './data-source.js';
import { IndexBuilds } from './index-builds.service.js';
import { ZoneShardPlaces } from './zone-shard-places.service.js';
import { endBrokenConnections } from '../platform/database/broken-connections.js';
import { becomeImpatient, spreadOverShards } from '../platform/database/impatient-pool.js';
import type { StartPatience } from '../platform/database/start-patience.js';
import { zoneShardsOf, type ZoneShards } from '../platform/database/zone-shards.js';

/** The connections to PostgreSQL and the news from it. The schema is migrated before Nest starts. */
@Module({})
export class DatabaseModule {
  /** @param patience of the start; a command has none, and fails at once */
  static forRoot(env: RunningEnv, patience: StartPatience | null): DynamicModule {
    const { changing, reading } = operatorsOptions(env.databaseUrl, env.limits, env);
    const { waitMs } = env.limits;
    const shards = zoneShardsOf(env);
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        connections(dataSourceOptions(env.databaseUrl, env.limits, env), shards, waitMs, patience),
        connections({ ...changing, name: OPERATORS }, shards, waitMs, patience),
        connections({ ...reading, name: OPERATORS_READING }, shards, waitMs, patience),
      ],
      providers: [ChangeFeed, DatabaseJobs, ZoneReads, IndexBuilds, ZoneShardPlaces],
      exports: [ChangeFeed, DatabaseJobs, ZoneReads],
    };
  }
}

function connections(
  options: TypeOrmModuleOptions & { readonly name?: string },
  shards: ZoneShards | null,
  waitMs: number,
  patience: StartPatience | null,
): DynamicModule {
  return TypeOrmModule.forRootAsync({
    ...(options.name === undefined ? {} : { name: options.name }),
    // Whether waiting helps is for the patience to say.
    useFactory: () => ({ ...options, toRetry: () => false }),
    dataSourceFactory: async (given) => {
      if (given === undefined) throw new Error('no data source options');
      const initialize = () => new DataSource(given).initialize();
      const dataSource = await (patience?.until(initialize) ?? initialize());
      endBrokenConnections(dataSource);
      becomeImpatient(dataSource, waitMs);
      if (shards !== null) spreadOverShards(dataSource, shards);
      return dataSource;
    },
  });
}
