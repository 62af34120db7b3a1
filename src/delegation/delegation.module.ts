import { Module } from '@nestjs/common';
import { Delegations } from './delegations.service.js';
import { Routes } from './routes.service.js';

/** Delegation: authority that is handed from one agent session to another, and only narrows on its way. */
@Module({ providers: [Delegations, Routes], exports: [Routes] })
export class DelegationModule {}
