import { Module } from '@nestjs/common';
import { Delegations } from './delegations.service.js';

/** Delegation: authority that is handed from one agent session to another, and only narrows on its way. */
@Module({ providers: [Delegations], exports: [Delegations] })
export class DelegationModule {}
