import { makeCounterProvider } from '@willsoto/nestjs-prometheus';

export const CLIENT_LOADS = 'mandate_client_loads_total';

/** The metrics of clients. */
export const clientMetrics = [
  makeCounterProvider({
    name: CLIENT_LOADS,
    help: 'Clients looked up in the database, by result: loaded, unknown, failed.',
    labelNames: ['result'],
  }),
];
