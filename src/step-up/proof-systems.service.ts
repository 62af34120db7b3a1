import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Request } from 'express';
import { IsNull, type EntityManager, type Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { findInAnyZone } from '../platform/database/at-zones.js';
import { readSignedBytes } from '../platform/http/json-body.js';
import { Sealing } from '../sealing/sealing.service.js';
import { OAuthError } from '../oauth/errors.js';
import { isUuid } from '../oauth/vocabulary.js';
import { ProofSystem } from './proof-system.entity.js';
import { formatSecret, isSignedBy, isTimely } from '../webhooks/standard-webhooks.js';

/** The header with the id of the proof system that signs. */
const SYSTEM_HEADER = 'mandate-proof-system';

/** Registers proof systems, and verifies their signatures. */
@Injectable()
export class ProofSystems {
  private readonly verified = new WeakMap<Request, ProofSystem>();

  constructor(
    @InjectRepository(ProofSystem) private readonly systems: Repository<ProofSystem>,
    private readonly sealing: Sealing,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Registers a proof system. @returns it, and its secret, which is shown this once */
  async register(
    tx: EntityManager,
    zoneId: string,
    { name, types }: Pick<ProofSystem, 'name' | 'types'>,
  ): Promise<{ system: ProofSystem; secret: string }> {
    const id = uuidv7();
    const key = randomBytes(32);
    const sealedSecret = await this.sealing.seal(sealOf(zoneId, id), key);
    const systems = tx.getRepository(ProofSystem);
    await systems.insert({ zoneId, id, name, types, sealedSecret });
    const system = await systems.findOneByOrFail({ zoneId, id });
    return { system, secret: formatSecret(key) };
  }

  /**
   * Admits a request that the system that it names has signed, before its body is read as anything, and only if
   * its headers are those of a system that there is before the body is read at all.
   *
   * @throws {OAuthError} invalid_token, with one text for every cause
   * @throws {HttpException} as {@link readSignedBytes}
   */
  async admit(request: Request): Promise<void> {
    const head = {
      id: header(request, 'webhook-id'),
      timestamp: header(request, 'webhook-timestamp'),
      signature: header(request, 'webhook-signature'),
    };
    if (!isTimely(head, this.clock.now())) throw unsigned('malformed or old signature');
    const id = header(request, SYSTEM_HEADER);
    const find = () => this.systems.findOneBy({ id });
    const system = isUuid(id) ? await findInAnyZone(this.systems.manager.connection, find) : null;
    if (system === null) throw unsigned('unknown proof system');
    if (system.disabledAt !== null) throw unsigned('disabled proof system');
    const key = await this.sealing.open(sealOf(system.zoneId, system.id), system.sealedSecret);
    // A stranger has not even a body read.
    const message = { ...head, body: await readSignedBytes(request) };
    if (!isSignedBy(key, message, this.clock.now())) throw unsigned('wrong or old signature');
    this.verified.set(request, system);
  }

  /** Whether what a system has signed counts where it is decided: it may have been disabled, or be gone, since. */
  counts(tx: EntityManager, { zoneId, id }: Pick<ProofSystem, 'zoneId' | 'id'>): Promise<boolean> {
    return tx.getRepository(ProofSystem).existsBy({ zoneId, id, disabledAt: IsNull() });
  }

  /** The system that has signed a request. */
  of(request: Request): ProofSystem {
    const system = this.verified.get(request);
    if (system === undefined) throw unsigned('not signed');
    return system;
  }
}

function unsigned(detail: string): OAuthError {
  return new OAuthError('invalid_token', 'the request is not signed by a proof system', {
    detail: `proof system: ${detail}`,
    wwwAuthenticate: 'Signature realm="mandate"',
  });
}

function header(request: Request, name: string): string {
  const [value, ...more] = request.headersDistinct[name] ?? [];
  return more.length > 0 ? '' : (value ?? '');
}

function sealOf(zoneId: string, id: string) {
  return { purpose: 'proof-system-secret', zoneId, id } as const;
}
