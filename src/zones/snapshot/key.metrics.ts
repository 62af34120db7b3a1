import { makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { keyFigures, type KeyFigures } from '../../keys/rotation/key-figures.js';
import { Snapshots } from './snapshots.service.js';

/**
 * A gauge over the keys of all zones in memory, computed when metrics are collected.
 *
 * @param aggregator which of several workers' figures counts: they have much the same zones in memory
 */
function keyGauge(
  name: string,
  help: string,
  labelNames: string[],
  show: (gauge: Gauge, figures: KeyFigures) => void,
  aggregator: 'max' | 'min' = 'max',
) {
  return makeGaugeProvider({
    name,
    help: `${help} Of the zones in use at this replica.`,
    labelNames,
    aggregator,
    inject: [Snapshots, CLOCK],
    collect(this: Gauge, snapshots: Snapshots, clock: Clock) {
      const keys = snapshots.keyRings.flatMap((ring) => ring.keys);
      this.reset();
      show(this, keyFigures(keys, clock.now()));
    },
  });
}

/** The metrics of signing keys. None has zones as labels, of which there may be any number. */
export const keyMetrics = [
  keyGauge('mandate_signing_keys', 'Signing keys, by state.', ['state'], (gauge, { states }) => {
    for (const [state, count] of states) gauge.set({ state }, count);
  }),
  keyGauge(
    'mandate_signing_key_age_seconds',
    'Seconds since the oldest key that signs was published, by algorithm.',
    ['alg'],
    (gauge, { oldestSigner }) => {
      for (const [alg, age] of oldestSigner) gauge.set({ alg }, age);
    },
  ),
  keyGauge(
    'mandate_signing_key_oldest_in_use_seconds',
    'Seconds since the oldest key was published that still verifies anything.',
    [],
    (gauge, { oldestInUse }) => gauge.set(oldestInUse),
  ),
  keyGauge(
    'mandate_signing_key_next_activation_timestamp_seconds',
    'When the next pending key may sign; 0 if none is pending.',
    [],
    (gauge, { nextActivation }) => gauge.set(nextActivation),
    'min',
  ),
];
