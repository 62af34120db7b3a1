import { Module } from '@nestjs/common';
import { AuthenticationModule } from '../../authentication/authentication.module.js';
import { SnapshotModule } from '../../zones/snapshot/snapshot.module.js';
import { FeedController } from './feed.controller.js';
import { feedMetrics } from './feed.metrics.js';
import { FeedOrder } from './feed-order.service.js';
import { FeedReaders } from './feed-readers.service.js';
import { FeedReads } from './feed-reads.service.js';
import { FeedWatch } from './feed-watch.service.js';

/** The revocation feed: what was taken back, in order, for those who verify mandates offline. */
@Module({
  imports: [AuthenticationModule, SnapshotModule],
  controllers: [FeedController],
  providers: [FeedOrder, FeedReads, FeedReaders, FeedWatch, ...feedMetrics],
})
export class FeedModule {}
