import { createHash, createHmac, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { verifyRegistrationResponse } from '@simplewebauthn/server';
import { IsNull, MoreThan, type DataSource, type EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { CLOCK, instant, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { Ledger } from '../../ledger/ledger.service.js';
import { Authenticator } from './authenticator.entity.js';
import { Enrolment } from './enrolment.entity.js';
import { readRegistration } from './passkey/passkey-response.js';
import { enrolmentNonce, PASSKEY_ALGORITHMS, relyingPartyAt } from './passkey/relying-party.js';
import { stepOfCode, totpKey, type TotpKey } from './totp/totp-codes.js';

/** How long a link is good for, in milliseconds. */
const LINK_MS = 15 * 60_000;
/** Of what is drawn, and of keys for codes (RFC 4226 4), in bytes. */
const TOKEN_BYTES = 32;
const TOTP_BYTES = 20;

/** A person of a zone. */
export interface Person {
  readonly subject: string;
  /** Whose name that is; `null` for ours. */
  readonly issuer: string | null;
}

/** Registers what people show that they are there with. */
@Injectable()
export class Enrolments {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly sealing: Sealing,
    private readonly ledger: Ledger,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Makes a link by which a person registers one authenticator. It is told this once. */
  async invite(
    tx: EntityManager,
    zoneId: string,
    { subject, issuer }: Person,
  ): Promise<{ url: string; expiresAt: Date }> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const expiresAt = instant(this.clock.now() + LINK_MS);
    const tokenDigest = digest(token);
    await tx.insert(Enrolment, { zoneId, tokenDigest, subject, subjectIssuer: issuer, expiresAt });
    return { url: `${this.env.issuerUrl}/step-up/enrol/${token}`, expiresAt };
  }

  /** Registers an app that makes codes, without asking anybody. The key is told this once. */
  async addTotp(
    tx: EntityManager,
    zoneId: string,
    person: Person,
    key: Buffer = randomBytes(TOTP_BYTES),
    lastStep: number | null = null,
  ): Promise<{ authenticator: Authenticator; key: TotpKey }> {
    const id = uuidv7();
    const told = totpKey(key, person.subject);
    const sealedSecret = await this.sealing.seal({ purpose: 'totp-secret', zoneId, id }, key);
    key.fill(0);
    const { subject, issuer: subjectIssuer } = person;
    await tx.insert(Authenticator, {
      zoneId,
      id,
      subject,
      subjectIssuer,
      kind: 'totp',
      sealedSecret,
      lastStep: lastStep === null ? null : String(lastStep),
    });
    return { authenticator: await tx.findOneByOrFail(Authenticator, { zoneId, id }), key: told };
  }

  /** @returns `null` for a link that is unknown, used or too old */
  find(token: string): Promise<Enrolment | null> {
    return this.dataSource.manager.findOneBy(Enrolment, {
      tokenDigest: digest(token),
      usedAt: IsNull(),
      expiresAt: MoreThan(instant(this.clock.now())),
    });
  }

  /** The key that a link leads to: made of it, so that nothing is stored before it has been shown to work. */
  keyOf(token: string, { subject }: Enrolment): TotpKey {
    return totpKey(totpBytes(token), subject);
  }

  /** Registers the app that a link led to, if it makes the right code. @returns whether it does */
  async enrolTotp(
    token: string,
    enrolment: Enrolment,
    code: string,
    requestId: string,
  ): Promise<boolean> {
    const key = totpBytes(token);
    const step = stepOfCode(key, code, this.clock.now());
    if (step === null) return false;
    return this.enrol(enrolment, requestId, 'totp', async (tx) => {
      const { authenticator } = await this.addTotp(
        tx,
        enrolment.zoneId,
        personOf(enrolment),
        key,
        step,
      );
      return authenticator.id;
    });
  }

  /** Registers a passkey. @returns whether it is one */
  async enrolPasskey(
    token: string,
    enrolment: Enrolment,
    text: string,
    requestId: string,
  ): Promise<boolean> {
    const response = readRegistration(text);
    if (response === null) return false;
    const rp = relyingPartyAt(this.env.issuerUrl);
    const registered = await verifyRegistrationResponse({
      response,
      expectedChallenge: enrolmentNonce(token).toString('base64url'),
      expectedOrigin: rp.origin,
      expectedRPID: rp.id,
      requireUserVerification: true,
      supportedAlgorithmIDs: PASSKEY_ALGORITHMS,
    }).catch(() => null);
    if (registered?.verified !== true) return false;
    const { credential } = registered.registrationInfo;
    return this.enrol(enrolment, requestId, 'webauthn', async (tx) => {
      const id = uuidv7();
      // A passkey that is registered already is nobody's new one.
      const { zoneId } = enrolment;
      if (await tx.existsBy(Authenticator, { zoneId, credentialId: credential.id })) return null;
      await tx.insert(Authenticator, {
        zoneId,
        id,
        subject: enrolment.subject,
        subjectIssuer: enrolment.subjectIssuer,
        kind: 'webauthn',
        credentialId: credential.id,
        publicKey: Buffer.from(credential.publicKey),
        signCount: String(credential.counter),
      });
      return id;
    });
  }

  /** Spends the link and registers what it led to, in one transaction with the audit event. */
  private enrol(
    enrolment: Enrolment,
    requestId: string,
    kind: Authenticator['kind'],
    add: (tx: EntityManager) => Promise<string | null>,
  ): Promise<boolean> {
    const { zoneId, tokenDigest } = enrolment;
    return this.dataSource.transaction('READ COMMITTED', async (tx) => {
      const { affected } = await tx.update(
        Enrolment,
        { zoneId, tokenDigest, usedAt: IsNull() },
        { usedAt: () => 'clock_timestamp()' },
      );
      if (affected !== 1) return false;
      const id = await add(tx);
      if (id === null) return false;
      await this.ledger.append(tx, zoneId, {
        type: 'authenticator.enrolled',
        outcome: 'done',
        request_id: requestId,
        authenticator: { id, kind },
        subject: { sub: enrolment.subject, sub_iss: enrolment.subjectIssuer },
      });
      return true;
    });
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function totpBytes(token: string): Buffer {
  return createHmac('sha256', token).update('mandate totp key').digest().subarray(0, TOTP_BYTES);
}

function personOf({ subject, subjectIssuer }: Enrolment): Person {
  return { subject, issuer: subjectIssuer };
}
