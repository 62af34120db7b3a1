import { Module } from '@nestjs/common';
import { PolicySets } from './policy-sets.service.js';

/** Answers "may this principal do this to that resource", and why. */
@Module({ providers: [PolicySets], exports: [PolicySets] })
export class PolicyModule {}
