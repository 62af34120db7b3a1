import { makeCounterProvider } from '@willsoto/nestjs-prometheus';

export const KEYS_FROM_ELSEWHERE = 'mandate_operator_keys_from_elsewhere_total';

/** The metrics of who administers. */
export const operatorMetrics = [
  makeCounterProvider({
    name: KEYS_FROM_ELSEWHERE,
    help: 'Requests with a good key of an operator from an address that it is not good from.',
  }),
];
