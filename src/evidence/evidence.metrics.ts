import { makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';

export const CHECKPOINT_LAG = 'mandate_audit_checkpoint_lag_seconds';
export const CHECKPOINT_SIZE = 'mandate_audit_checkpoint_size';
export const EXPORT_LAG = 'mandate_checkpoint_export_lag_seconds';
export const EXPORTS = 'mandate_checkpoint_exports_total';
export const CHECKPOINT_FORK = 'mandate_checkpoint_fork';
export const SEALED = 'mandate_audit_sealed_events_total';

/** The metrics of checkpoints of the audit log. */
export const evidenceMetrics = [
  makeGaugeProvider({
    name: CHECKPOINT_LAG,
    help: 'Seconds since the oldest event of the audit log was recorded that is in no signed checkpoint yet; 0 if there is none.',
    aggregator: 'max',
  }),
  makeGaugeProvider({
    name: CHECKPOINT_SIZE,
    help: 'Checkpoints of zones in the last signed checkpoint of the installation.',
    aggregator: 'max',
  }),
  makeGaugeProvider({
    name: EXPORT_LAG,
    help: 'Seconds since the oldest checkpoint was signed that a place outside of the database has not got yet; 0 if there is none.',
    labelNames: ['place'],
    aggregator: 'max',
  }),
  makeCounterProvider({
    name: EXPORTS,
    help: 'Checkpoints that this replica has taken to places outside of the database, or could not.',
    labelNames: ['place', 'outcome'],
  }),
  makeGaugeProvider({
    name: CHECKPOINT_FORK,
    help: '1 if a place outside of the database has a checkpoint that does not fit the log, 0 if not.',
    labelNames: ['place'],
    aggregator: 'max',
  }),
  makeCounterProvider({
    name: SEALED,
    help: 'Events of the audit log that this replica has added to the logs which checkpoints sign.',
  }),
];
