import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Request, Response } from 'express';
import type { EntityManager, Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { readSignedBytes } from '../platform/http/json-body.js';
import { Sealing } from '../sealing/sealing.service.js';
import { OAuthError } from '../oauth/errors.js';
import { isUuid } from '../oauth/vocabulary.js';
import { ProofSystem } from './proof-system.entity.js';
import { formatSecret, isSignedBy } from '../webhooks/standard-webhooks.js';

/** The header with the id of the proof system that signs. */
const SYSTEM_HEADER = 'mandate-proof-system';
const NO_KEY = Buffer.alloc(32);

/** Registers proof systems, and verifies their signatures. */
@Injectable()
export class ProofSystems {
  private readonly verified = new WeakMap<Request, ProofSystem>();

  constructor(
    @InjectRepository(ProofSystem) private readonly systems: Repository<ProofSystem>,
    private readonly sealing: Sealing,
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
   * Admits a request that the system that it names has signed, before its body is read as anything.
   *
   * @throws {OAuthError} invalid_token, with one text for every cause
   */
  async admit(request: Request, response: Response): Promise<void> {
    const body = await readSignedBytes(request, response);
    const id = header(request, SYSTEM_HEADER);
    const system = isUuid(id) ? await this.systems.findOneBy({ id }) : null;
    const key =
      system === null
        ? NO_KEY
        : await this.sealing.open(sealOf(system.zoneId, system.id), system.sealedSecret);
    const message = {
      id: header(request, 'webhook-id'),
      timestamp: header(request, 'webhook-timestamp'),
      signature: header(request, 'webhook-signature'),
      body,
    };
    if (!isSignedBy(key, message) || system === null) {
      throw unsigned(system === null ? 'unknown proof system' : 'wrong or old signature');
    }
    this.verified.set(request, system);
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
