import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import type { SealContext } from '../../sealing/seal.js';
import { Sealing } from '../../sealing/sealing.service.js';
import type { Challenge } from '../challenge.entity.js';
import { Authenticator } from './authenticator.entity.js';
import {
  SECRET_PURPOSES,
  type AuthenticatorKey,
  type ConfirmationPorts,
} from './confirmation-method.js';

/** Reads registered authenticators, and seals and opens their secrets, for the confirmation methods. */
@Injectable()
export class Authenticators implements ConfirmationPorts {
  constructor(
    @InjectRepository(Authenticator) private readonly repository: Repository<Authenticator>,
    private readonly sealing: Sealing,
    @Inject(ENV) readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  now(): number {
    return this.clock.now();
  }

  authenticatorsOf(
    { zoneId, subject, subjectIssuer }: Challenge,
    method: string,
  ): Promise<Authenticator[]> {
    return this.repository
      .createQueryBuilder('a')
      .where({ zoneId, subject, kind: method })
      .andWhere('a.subject_issuer IS NOT DISTINCT FROM :issuer', { issuer: subjectIssuer })
      .getMany();
  }

  sealSecret(of: AuthenticatorKey, secret: Buffer): Promise<Buffer> {
    return this.sealing.seal(contextOf(of), secret);
  }

  openSecret(of: AuthenticatorKey, sealed: Buffer): Promise<Buffer> {
    return this.sealing.open(contextOf(of), sealed);
  }
}

function contextOf({ zoneId, id, kind }: AuthenticatorKey): SealContext {
  return { purpose: SECRET_PURPOSES[kind], zoneId, id };
}
