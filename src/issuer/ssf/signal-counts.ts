/** The name of the counter of events of shared signals. */
export const SIGNALS = 'mandate_ssf_events_total';
