/** The name of the counter of events of shared signals. */
export const SIGNALS = 'mandate_ssf_events_total';
/** The name of the counter of tokens that others have pushed to us. */
export const RECEIVED = 'mandate_ssf_received_total';
