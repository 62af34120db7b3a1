import { Module } from '@nestjs/common';
import { PolicySets } from './policy-sets.service.js';
import { Shadow } from './shadow.service.js';

/** Answers "may this principal do this to that resource", and why. */
@Module({ providers: [PolicySets, Shadow], exports: [PolicySets, Shadow] })
export class PolicyModule {}
