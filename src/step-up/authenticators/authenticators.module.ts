import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthenticationModule } from '../../authentication/authentication.module.js';
import { EvidenceModule } from '../../evidence/evidence.module.js';
import { SealingModule } from '../../sealing/sealing.module.js';
import { LedgerModule } from '../../ledger/ledger.module.js';
import { StepUpModule } from '../step-up.module.js';
import { Authenticator } from './authenticator.entity.js';
import { Authenticators } from './authenticators.service.js';
import { ConfirmController } from './confirm.controller.js';
import { ConfirmLinks } from './confirm-links.service.js';
import { ConfirmPages } from './confirm-pages.service.js';
import { ConfirmationProofs } from './confirmation-proofs.service.js';
import { Confirmations } from './confirmations.service.js';
import { EnrolController } from './enrol.controller.js';
import { Enrolment } from './enrolment.entity.js';
import { Enrolments } from './enrolments.service.js';
import { Guesses } from './guesses.service.js';
import { LogosController } from './logos.controller.js';
import { PageTexts } from './page-texts.service.js';
import { RecoveryCodes } from './recovery-code/recovery-codes.service.js';
import { RequestWordsReader } from './request-words.service.js';
import { ShownCodes } from './shown-codes.service.js';
import { WrongEvidence } from './wrong-evidence.service.js';

/** The pages on which people confirm challenges, and on which they register what they confirm with. */
@Module({
  imports: [
    AuthenticationModule,
    EvidenceModule,
    SealingModule,
    LedgerModule,
    StepUpModule,
    TypeOrmModule.forFeature([Authenticator, Enrolment]),
  ],
  controllers: [EnrolController, ConfirmController, LogosController],
  providers: [
    Authenticators,
    ConfirmLinks,
    ConfirmPages,
    ConfirmationProofs,
    Confirmations,
    Enrolments,
    Guesses,
    PageTexts,
    RecoveryCodes,
    RequestWordsReader,
    ShownCodes,
    WrongEvidence,
  ],
  exports: [Authenticators, Enrolments, ShownCodes],
})
export class AuthenticatorsModule {}
