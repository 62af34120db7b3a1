import { makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';

export const SHED = 'mandate_requests_shed_total';
export const IN_FLIGHT = 'mandate_requests_in_flight';

/** The metrics of overload. The values of each label are a closed set. */
export const overloadMetrics = [
  makeCounterProvider({
    name: SHED,
    help: 'Requests that were given up because of load, by reason: requests, event_loop, address, zone, client, bodies, deadline, caller_gone.',
    labelNames: ['reason'],
  }),
  makeGaugeProvider({
    name: IN_FLIGHT,
    help: 'Requests that are worked on now, by lane: work, operators, keyless, waits; and those whose body is on its way: arriving.',
    labelNames: ['lane'],
  }),
];
