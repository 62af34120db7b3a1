import { makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';

export const CHECKPOINT_LAG = 'mandate_audit_checkpoint_lag_seconds';
export const CHECKPOINT_SIZE = 'mandate_audit_checkpoint_size';
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
  makeCounterProvider({
    name: SEALED,
    help: 'Events of the audit log that this replica has added to the logs which checkpoints sign.',
  }),
];
