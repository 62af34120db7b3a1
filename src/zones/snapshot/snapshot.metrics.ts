import { makeCounterProvider } from '@willsoto/nestjs-prometheus';

export const SNAPSHOT_LOADS = 'mandate_snapshot_loads_total';

/** The metrics of snapshots. */
export const snapshotMetrics = [
  makeCounterProvider({
    name: SNAPSHOT_LOADS,
    help: 'Zones read from the database, by result: loaded, unknown, failed.',
    labelNames: ['result'],
  }),
];
