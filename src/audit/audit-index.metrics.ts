import { makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';

export const INDEX_LAG = 'mandate_audit_index_lag_seconds';
export const INDEXED = 'mandate_audit_indexed_events_total';

/** The metrics of the index of the audit log. */
export const auditIndexMetrics = [
  makeGaugeProvider({
    name: INDEX_LAG,
    help: 'Seconds since the oldest event of the audit log was recorded that is not in its index yet; 0 if there is none.',
    aggregator: 'max',
  }),
  makeCounterProvider({
    name: INDEXED,
    help: 'Events of the audit log that this replica has added to its index.',
  }),
];
