import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import { IsNull, MoreThan, type DataSource, type EntityManager, type Repository } from 'typeorm';
import { instant } from '../../platform/config/clock.js';
import type { RequestId } from '../../platform/http/request-id.js';
import { Ledger } from '../../ledger/ledger.service.js';
import { Authenticator } from './authenticator.entity.js';
import { Authenticators } from './authenticators.service.js';
import type { ConfirmationMethod, EnrolmentLink, NewAuthenticator } from './confirmation-method.js';
import { Enrolment } from './enrolment.entity.js';
import { generateTotp, totp } from './totp/totp.js';
import type { TotpKey } from './totp/totp-codes.js';

/** Milliseconds for which a link is good. */
const LINK_MS = 15 * 60_000;
/** Bytes of the secret in a link. */
const TOKEN_BYTES = 32;

/** A person of a zone. */
export interface Person {
  readonly subject: string;
  /** The trusted issuer of the name; `null` for names of ours. */
  readonly issuer: string | null;
}

/** Registers authenticators: by links that operators send to people, or by operators themselves. */
@Injectable()
export class Enrolments {
  constructor(
    @InjectRepository(Enrolment) private readonly enrolments: Repository<Enrolment>,
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly authenticators: Authenticators,
    private readonly ledger: Ledger,
  ) {}

  /** Makes a link by which a person registers one authenticator. It is stored as a hash only. */
  async invite(
    tx: EntityManager,
    zoneId: string,
    { subject, issuer }: Person,
  ): Promise<{ url: string; expiresAt: Date }> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const expiresAt = instant(this.authenticators.now() + LINK_MS);
    const tokenDigest = digest(token);
    const enrolments = tx.getRepository(Enrolment);
    await enrolments.insert({ zoneId, tokenDigest, subject, subjectIssuer: issuer, expiresAt });
    return { url: `${this.authenticators.env.issuerUrl}/step-up/enrol/${token}`, expiresAt };
  }

  /** Registers an authenticator app without a first code. The key is returned this once. */
  async addTotp(
    tx: EntityManager,
    zoneId: string,
    person: Person,
  ): Promise<{ authenticator: Authenticator; key: TotpKey }> {
    const { key, authenticator } = await generateTotp(zoneId, person.subject, this.authenticators);
    await insert(tx, zoneId, person, totp.name, authenticator);
    const { id } = authenticator;
    const authenticators = tx.getRepository(Authenticator);
    return { authenticator: await authenticators.findOneByOrFail({ zoneId, id }), key };
  }

  /** The enrolment that a link leads to. @returns `null` for a link that is unknown, used or too old */
  find(token: string): Promise<Enrolment | null> {
    return this.enrolments.findOneBy({
      tokenDigest: digest(token),
      usedAt: IsNull(),
      expiresAt: MoreThan(instant(this.authenticators.now())),
    });
  }

  /**
   * Registers an authenticator by a link, and spends that, in one transaction with the audit event.
   *
   * @param evidence what the person has shown: a first code, or a new passkey. It may be anything
   * @returns whether it is registered now
   */
  async enrol(
    link: EnrolmentLink,
    method: ConfirmationMethod,
    evidence: string,
    requestId: RequestId,
  ): Promise<boolean> {
    const made = await method.register(link, evidence, this.authenticators);
    if (made === null) return false;
    const { zoneId, tokenDigest, subject, subjectIssuer } = link.enrolment;
    return this.dataSource.transaction('READ COMMITTED', async (tx) => {
      const { affected } = await tx
        .getRepository(Enrolment)
        .update({ zoneId, tokenDigest, usedAt: IsNull() }, { usedAt: () => 'clock_timestamp()' });
      if (affected !== 1) return false;
      const { id, credentialId } = made;
      // A passkey that is registered already cannot become that of another person.
      const taken = typeof credentialId === 'string' ? { zoneId, credentialId } : null;
      if (taken !== null && (await tx.getRepository(Authenticator).existsBy(taken))) return false;
      await insert(tx, zoneId, { subject, issuer: subjectIssuer }, method.name, made);
      await this.ledger.append(tx, zoneId, {
        type: 'authenticator.enrolled',
        outcome: 'done',
        ...requestId,
        authenticator: { id, kind: method.name },
        subject: { sub: subject, sub_iss: subjectIssuer },
      });
      return true;
    });
  }
}

async function insert(
  tx: EntityManager,
  zoneId: string,
  { subject, issuer }: Person,
  kind: string,
  made: NewAuthenticator,
): Promise<void> {
  const authenticators = tx.getRepository(Authenticator);
  await authenticators.insert({ zoneId, subject, subjectIssuer: issuer, kind, ...made });
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
