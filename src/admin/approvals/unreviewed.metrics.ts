import { makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { setFromDatabase } from '../../platform/set-from-database.js';
import { Unreviewed } from './unreviewed.service.js';

/** The metrics of what was done in an emergency, and nobody else has looked at. */
export const unreviewedMetrics = [
  makeGaugeProvider({
    name: 'mandate_reviews_open',
    help: 'Emergencies that a second operator is to look at; of all replicas.',
    aggregator: 'max',
    inject: [Unreviewed],
    async collect(this: Gauge, unreviewed: Unreviewed) {
      await setFromDatabase(this, () => unreviewed.countOpen());
    },
  }),
  makeGaugeProvider({
    name: 'mandate_reviews_missed',
    help: 'Emergencies that no second operator has looked at in time, nor since; of all replicas.',
    aggregator: 'max',
    inject: [Unreviewed],
    async collect(this: Gauge, unreviewed: Unreviewed) {
      await setFromDatabase(this, () => unreviewed.countNotReviewed());
    },
  }),
  makeGaugeProvider({
    name: 'mandate_review_oldest_seconds',
    help: 'Age of the oldest emergency that a second operator is to look at, 0 if there is none; of all replicas.',
    aggregator: 'max',
    inject: [Unreviewed],
    async collect(this: Gauge, unreviewed: Unreviewed) {
      await setFromDatabase(this, () => unreviewed.oldest());
    },
  }),
];
