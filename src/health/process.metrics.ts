import { getDataSourceToken } from '@nestjs/typeorm';
import { makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import type { DataSource } from 'typeorm';
import { readManifest } from '../platform/config/manifest.js';

const { version } = readManifest();

/** The metrics of the process, beside the default ones of prom-client. */
export const processMetrics = [
  makeGaugeProvider({
    name: 'mandate_build_info',
    help: 'Always 1; the labels say what is running.',
    labelNames: ['version', 'node'],
    aggregator: 'first',
    collect(this: Gauge) {
      this.set({ version, node: process.version }, 1);
    },
  }),
  makeGaugeProvider({
    name: 'mandate_database_pool_connections',
    help: 'Connections of the database pool, by state: total, idle; and requests waiting for one.',
    labelNames: ['state'],
    inject: [getDataSourceToken()],
    collect(this: Gauge, dataSource: DataSource) {
      // The driver has no type for its pool, which is one of `pg`.
      const pool: unknown = Reflect.get(dataSource.driver, 'master');
      if (typeof pool !== 'object' || pool === null) return;
      for (const state of ['total', 'idle', 'waiting']) {
        this.set({ state }, Number(Reflect.get(pool, `${state}Count`)));
      }
    },
  }),
];
