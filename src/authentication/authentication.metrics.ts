import { makeCounterProvider } from '@willsoto/nestjs-prometheus';

export const UNRECORDED_DENIALS = 'mandate_unrecorded_denials_total';

/** The metrics of authentication. */
export const authenticationMetrics = [
  makeCounterProvider({
    name: UNRECORDED_DENIALS,
    help: 'Denials of unauthenticated callers that are not in the audit log, by what was used up: address, zone, total.',
    labelNames: ['bound'],
  }),
];
