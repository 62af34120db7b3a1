import { Module } from '@nestjs/common';
import { AuthenticationModule } from '../../authentication/authentication.module.js';
import { LedgerModule } from '../../ledger/ledger.module.js';
import { OutboundModule } from '../../platform/outbound/outbound.module.js';
import { SealingModule } from '../../sealing/sealing.module.js';
import { IssuersModule } from '../../zones/issuers/issuers.module.js';
import { SnapshotModule } from '../../zones/snapshot/snapshot.module.js';
import { IssuerPoller } from './issuer-poller.service.js';
import { PollController } from './poll.controller.js';
import { Poll } from './poll.service.js';
import { PolledIssuers } from './polled-issuers.service.js';
import { PushSender } from './push-sender.service.js';
import { PushStreams } from './push-streams.service.js';
import { Receivers } from './receivers.service.js';
import { SetReceiverController } from './set-receiver.controller.js';
import { SetReceiver } from './set-receiver.service.js';
import { SignalFigures } from './signal-figures.service.js';
import { SignalOutbox } from './signal-outbox.service.js';
import { SsfConfigurationController } from './ssf-configuration.controller.js';
import { ssfMetrics } from './ssf.metrics.js';
import { StreamWaits } from './stream-waits.service.js';
import { StreamsController } from './streams.controller.js';
import { StreamSubjects } from './stream-subjects.service.js';
import { Streams } from './streams.service.js';

/** Shared signals (OpenID SSF 1.0): others are told what ends in a zone. */
@Module({
  imports: [
    AuthenticationModule,
    IssuersModule,
    LedgerModule,
    OutboundModule,
    SealingModule,
    SnapshotModule,
  ],
  controllers: [
    SsfConfigurationController,
    StreamsController,
    PollController,
    SetReceiverController,
  ],
  providers: [
    PushSender,
    PushStreams,
    Receivers,
    StreamSubjects,
    Streams,
    Poll,
    StreamWaits,
    SignalOutbox,
    SignalFigures,
    SetReceiver,
    PolledIssuers,
    IssuerPoller,
    ...ssfMetrics,
  ],
})
export class SsfModule {}
