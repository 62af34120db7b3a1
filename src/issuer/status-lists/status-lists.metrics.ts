import { makeCounterProvider } from '@willsoto/nestjs-prometheus';

/** The name of the counter of status lists that were made. */
export const STATUS_LISTS_MADE = 'mandate_status_lists_made_total';

/** What status lists measure of themselves. Every label is from a closed set. */
export const statusListMetrics = [
  makeCounterProvider({
    name: STATUS_LISTS_MADE,
    help: 'Status lists that were made anew, and those that could not be.',
    labelNames: ['result'],
  }),
];
