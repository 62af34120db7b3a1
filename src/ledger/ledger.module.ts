import { Module } from '@nestjs/common';
import { ledgerMetrics } from './ledger.metrics.js';
import { Ledger } from './ledger.service.js';

/** Commits what happened, or says which fact moved. */
@Module({ providers: [Ledger, ...ledgerMetrics], exports: [Ledger] })
export class LedgerModule {}
