import { makeCounterProvider } from '@willsoto/nestjs-prometheus';

/** The name of the counter of introspections. */
export const INTROSPECTIONS = 'mandate_introspections_total';

/** What introspection measures of itself. Every label is from a closed set. */
export const introspectionMetrics = [
  makeCounterProvider({
    name: INTROSPECTIONS,
    help: 'Tokens that were introspected, by what was answered, and why.',
    labelNames: ['result', 'reason'],
  }),
];
