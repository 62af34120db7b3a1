import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import { IsNull, MoreThan, type DataSource, type EntityManager, type Repository } from 'typeorm';
import { v4 as uuidv4 } from 'uuid';
import type { RequestId } from '../../platform/http/request-id.js';
import { Ledger } from '../../ledger/ledger.service.js';
import { instant } from '../../platform/config/clock.js';
import { findInAnyZone } from '../../platform/database/at-zones.js';
import { commitIf } from '../../platform/database/commit-if.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { CONFIRMATION_METHODS } from '../decision-methods.js';
import { StepUpTurns } from '../step-up-turns.service.js';
import { Authenticator } from './authenticator.entity.js';
import { Authenticators } from './authenticators.service.js';
import {
  SECRET_BYTES,
  type ConfirmationMethod,
  type EnrolmentLink,
  type NewAuthenticator,
} from './confirmation-method.js';
import { Enrolment } from './enrolment.entity.js';
import { linkDigest, linkTo, newLinkSecret } from './link.js';
import { recoveryCode } from './recovery-code/recovery-code.js';
import { RecoveryCodes } from './recovery-code/recovery-codes.service.js';
import { generateTotp, totp } from './totp/totp.js';
import type { TotpKey } from './totp/totp-codes.js';

const ORGANISATION = 'SELECT display_name AS organisation FROM zones WHERE id = $1';

/** Milliseconds for which a link is good, unless its maker says otherwise. */
const LINK_MS = 15 * 60_000;

/** A person of a zone. */
export interface Person {
  readonly subject: string;
  /** The trusted issuer of the name; `null` for names of ours. */
  readonly issuer: string | null;
}

/** A new link by which a person registers one authenticator, to be stored by {@link Enrolments.invite}. */
export interface Invitation {
  readonly url: string;
  readonly expiresAt: Date;
  readonly row: Omit<Enrolment, 'usedAt' | 'createdAt'>;
}

/**
 * What an attempt to register an authenticator came to.
 * - `wrong`: the evidence is wrong, or is a passkey that is registered already. The link stays good;
 * - `gone`: the link has been used meanwhile, or has become too old.
 */
export type Registration =
  | {
      readonly outcome: 'registered';
      /** Recovery codes that were made with it, to be shown this once. */
      readonly codes: readonly string[];
    }
  | { readonly outcome: 'wrong' | 'gone' };

/** Registers authenticators: by links that operators send to people, or by operators themselves. */
@Injectable()
export class Enrolments {
  constructor(
    @InjectRepository(Enrolment) private readonly enrolments: Repository<Enrolment>,
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly authenticators: Authenticators,
    private readonly sealing: Sealing,
    private readonly ledger: Ledger,
    private readonly turns: StepUpTurns,
    private readonly recovery: RecoveryCodes,
  ) {}

  /**
   * Makes a link by which a person registers one authenticator, and draws the secret of that. Of the link a hash
   * is stored; the secret is stored sealed. Not in a transaction: the KMS that seals may be slow.
   *
   * @param lifetimeMs milliseconds for which it is good
   */
  async newInvitation(
    zoneId: string,
    { subject, issuer }: Person,
    lifetimeMs = LINK_MS,
  ): Promise<Invitation> {
    const token = newLinkSecret();
    const id = uuidv4();
    const expiresAt = instant(this.authenticators.now() + lifetimeMs);
    const secret = randomBytes(SECRET_BYTES);
    try {
      const sealedSecret = await this.sealing.seal(contextOf({ zoneId, id }), secret);
      const tokenDigest = linkDigest(token);
      return {
        url: linkTo(this.authenticators.env.issuerUrl, '/step-up/enrol', token),
        expiresAt,
        row: { zoneId, id, tokenDigest, subject, subjectIssuer: issuer, sealedSecret, expiresAt },
      };
    } finally {
      secret.fill(0);
    }
  }

  /** Stores a new link, which is good from then on. */
  async invite(tx: EntityManager, { row }: Invitation): Promise<void> {
    await tx.getRepository(Enrolment).insert(row);
  }

  /** Registers an authenticator app without a first code. The key is returned this once. */
  async addTotp(
    tx: EntityManager,
    zoneId: string,
    person: Person,
  ): Promise<{ authenticator: Authenticator; key: TotpKey }> {
    const [zone] = await tx.query<{ organisation: string | null }[]>(ORGANISATION, [zoneId]);
    const { key, authenticator } = await generateTotp(
      zoneId,
      person.subject,
      zone?.organisation ?? null,
      this.authenticators,
    );
    await insert(tx, zoneId, person, totp.name, authenticator);
    const { id } = authenticator;
    const authenticators = tx.getRepository(Authenticator);
    return { authenticator: await authenticators.findOneByOrFail({ zoneId, id }), key };
  }

  /**
   * Opens the enrolment that a link leads to.
   *
   * @param token the secret in the link
   * @returns the link with its secret, for the caller to wipe; `null` for one that is unknown, used, too old, or
   *   of the first version, whose links had the key of the authenticator in them
   * @throws {CustodyUnavailable} if the key-encryption key is out of reach
   */
  async open(token: string): Promise<EnrolmentLink | null> {
    const good = {
      tokenDigest: linkDigest(token),
      usedAt: IsNull(),
      expiresAt: MoreThan(instant(this.authenticators.now())),
    };
    const enrolment = await findInAnyZone(this.dataSource, () => this.enrolments.findOneBy(good));
    if (enrolment === null || enrolment.sealedSecret === null) return null;
    const secret = await this.sealing.open(contextOf(enrolment), enrolment.sealedSecret);
    return { token, enrolment, secret };
  }

  /** What can be set up by a link: recovery codes only where they are good for anything. */
  async methodsFor({ enrolment }: EnrolmentLink): Promise<readonly ConfirmationMethod[]> {
    const taken = await this.recovery.areTaken(enrolment.zoneId);
    return CONFIRMATION_METHODS.filter(({ name }) => taken || name !== recoveryCode.name);
  }

  /**
   * Registers an authenticator by a link, and removes that, in one transaction with the audit event. What fails
   * leaves the link as it was.
   *
   * @param evidence what the person has shown: a first code, or a new passkey. It may be anything
   */
  async enrol(
    link: EnrolmentLink,
    method: ConfirmationMethod,
    evidence: string,
    requestId: RequestId,
  ): Promise<Registration> {
    const made = await method.register(link, evidence, this.authenticators);
    if (made === null) return { outcome: 'wrong' };
    const { zoneId, id, subject, subjectIssuer } = link.enrolment;
    return this.turns.take(zoneId, id, subject, () =>
      commitIf<Registration>(
        this.dataSource,
        ({ outcome }) => outcome === 'registered',
        async (tx) => {
          const { affected } = await tx
            .getRepository(Enrolment)
            .delete({ zoneId, id, usedAt: IsNull() });
          if (affected !== 1) return { outcome: 'gone' };
          // A passkey that is registered already cannot become that of another person.
          const person = { subject, issuer: subjectIssuer };
          if (method.name === recoveryCode.name) await this.recovery.replace(tx, zoneId, person);
          if (!(await insert(tx, zoneId, person, method.name, made))) return { outcome: 'wrong' };
          const added =
            method.name === recoveryCode.name
              ? null
              : await this.recovery.forNew(tx, zoneId, person);
          if (added !== null) await insert(tx, zoneId, person, recoveryCode.name, added);
          await this.ledger.append(tx, zoneId, {
            type: 'authenticator.enrolled',
            outcome: 'done',
            ...requestId,
            authenticator: { id: made.id, kind: method.name },
            ...(added === null ? {} : { recovery_codes: { id: added.id } }),
            enrolment_id: id,
            subject: { sub: subject, sub_iss: subjectIssuer },
          });
          return { outcome: 'registered', codes: made.codes ?? added?.codes ?? [] };
        },
      ),
    );
  }
}

/** @returns `false` if there is such an authenticator already */
async function insert(
  tx: EntityManager,
  zoneId: string,
  { subject, issuer }: Person,
  kind: string,
  { codes: _shown, ...made }: NewAuthenticator,
): Promise<boolean> {
  const { raw } = await tx
    .createQueryBuilder()
    .insert()
    .into(Authenticator)
    .values({ zoneId, subject, subjectIssuer: issuer, kind, ...made })
    .orIgnore()
    .returning('id')
    .execute();
  return Array.isArray(raw) && raw.length === 1;
}

function contextOf({ zoneId, id }: Pick<Enrolment, 'zoneId' | 'id'>) {
  return { purpose: 'enrolment-secret', zoneId, id } as const;
}
