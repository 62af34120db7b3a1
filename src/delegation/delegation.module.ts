import { Module } from '@nestjs/common';
import { Delegations } from './delegations.service.js';

/** Proves that authority narrowed on its way from one session to another. */
@Module({ providers: [Delegations], exports: [Delegations] })
export class DelegationModule {}
