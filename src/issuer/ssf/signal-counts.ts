/** The name of the counter of events of shared signals. */
export const SIGNALS = 'mandate_ssf_events_total';
/** The name of the counter of tokens of trusted issuers, pushed and fetched. */
export const RECEIVED = 'mandate_ssf_received_total';
/** The name of the counter of requests for the signals of trusted issuers. */
export const POLLS = 'mandate_ssf_polls_total';
