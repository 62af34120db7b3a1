import { collectDefaultMetrics, type Registry } from 'prom-client';

/**
 * Gauges of prom-client whose names say that they are counters, which `promtool check metrics` refuses. Nothing is lost:
 * each is the sum of the gauge of the same name without `_total`.
 */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
] as const;

/** Registers the metrics of the process and of Node.js that prom-client collects. */
export function collectProcessMetrics(register: Registry): void {
  collectDefaultMetrics({ register });
  for (const name of MISNAMED) register.removeSingleMetric(name);
}
