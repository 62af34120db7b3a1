import {
  makeCounterProvider,
  makeGaugeProvider,
  makeHistogramProvider,
} from '@willsoto/nestjs-prometheus';

export const BATCH_SIZE = 'mandate_ledger_batch_entries';
export const BATCH_SECONDS = 'mandate_ledger_commit_seconds';
export const CHAIN_BREAKS = 'mandate_ledger_chain_breaks_total';
export const PARTITION_ROWS = 'mandate_partition_rows';
export const UNSEALED_DAYS = 'mandate_audit_unsealed_partitions';

/** The metrics of the ledger. */
export const ledgerMetrics = [
  makeHistogramProvider({
    name: BATCH_SIZE,
    help: 'Entries that shared one commit.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
  }),
  makeHistogramProvider({
    name: BATCH_SECONDS,
    help: 'Seconds that one commit took, from sending to its answer.',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2],
  }),
  makeCounterProvider({
    name: CHAIN_BREAKS,
    help: 'Hash chains of the audit log that ended elsewhere than this process had left them, which nothing that is right does.',
  }),
  makeGaugeProvider({
    name: PARTITION_ROWS,
    help: 'Rows of all days of a table, as PostgreSQL counts them; looked at every hour.',
    labelNames: ['table'],
    aggregator: 'max',
  }),
  makeGaugeProvider({
    name: UNSEALED_DAYS,
    help: 'Days of the audit log that are older than they have to be, and stay because they are in no signed checkpoint yet.',
    aggregator: 'max',
  }),
];
