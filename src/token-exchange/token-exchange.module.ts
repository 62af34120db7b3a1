import { Module } from '@nestjs/common';
import { AuthenticationModule } from '../authentication/authentication.module.js';
import { IssuersModule } from '../zones/issuers/issuers.module.js';
import { DelegationModule } from '../delegation/delegation.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { PolicyModule } from '../policy/policy.module.js';
import { SessionsModule } from '../ledger/sessions/sessions.module.js';
import { SnapshotModule } from '../zones/snapshot/snapshot.module.js';
import { StepUpModule } from '../step-up/step-up.module.js';
import { ExchangeRecorder } from './exchange-recorder.service.js';
import { ExchangeMetrics, exchangeMetrics } from './exchange.metrics.js';
import { Exchange } from './exchange.service.js';
import { PolicyDecisionPoint } from './policy-decision-point.service.js';
import { TokenVerification } from './token-verification.service.js';
import { StepUpState } from './step-up-state.service.js';
import { TokenController } from './token.controller.js';
import { ZoneTokenController } from './zone-token.controller.js';

/** One exchange, form to recorded mandate. */
@Module({
  imports: [
    AuthenticationModule,
    DelegationModule,
    IssuersModule,
    LedgerModule,
    PolicyModule,
    SessionsModule,
    SnapshotModule,
    StepUpModule,
  ],
  controllers: [TokenController, ZoneTokenController],
  providers: [
    Exchange,
    ExchangeMetrics,
    ExchangeRecorder,
    PolicyDecisionPoint,
    StepUpState,
    TokenVerification,
    ...exchangeMetrics,
  ],
  exports: [Exchange],
})
export class TokenExchangeModule {}
