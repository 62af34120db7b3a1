import { makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { setFromDatabase } from '../../platform/set-from-database.js';
import { FeedOrder } from './feed-order.service.js';
import { FeedReaders } from './feed-readers.service.js';

/** The metrics of the revocation feed. */
export const feedMetrics = [
  makeGaugeProvider({
    name: 'mandate_revocation_feed_readers',
    help: 'Readers that wait for items of the revocation feed.',
    inject: [FeedReaders],
    collect(this: Gauge, readers: FeedReaders) {
      this.set(readers.seats.taken);
    },
  }),
  makeGaugeProvider({
    name: 'mandate_revocation_feed_oldest_seconds',
    help: 'Age of the oldest that was taken back and is not in the revocation feed yet; of all replicas.',
    aggregator: 'max',
    inject: [FeedOrder],
    async collect(this: Gauge, order: FeedOrder) {
      await setFromDatabase(this, () => order.oldest());
    },
  }),
];
