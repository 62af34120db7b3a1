import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Authenticator } from '../../step-up/authenticators/authenticator.entity.js';
import { Enrolments, type Person } from '../../step-up/authenticators/enrolments.service.js';
import { AuditedChanges } from '../audited-changes.service.js';
import type { Change } from '../change.js';

/** Milliseconds for which these links are good: operators have to send them to many people. */
const LINK_MS = 24 * 3_600_000;

/** In SQL about `row`: the key was derived from a link, so that whoever reads the log of that time may know it. */
export const KEY_KNOWN_TO_LOG_READERS = `row.kind = 'totp' AND NOT row.key_drawn`;

/** A person whose authenticators were removed, and the link by which to register another. */
export interface Renewal {
  /** The ids of the authenticators that count no more. */
  readonly removed: readonly string[];
  readonly url: string;
  readonly expiresAt: Date;
}

/** Replaces authenticators whose keys readers of request logs may know. */
@Injectable()
export class AuthenticatorRenewal {
  constructor(
    @InjectRepository(Authenticator) private readonly authenticators: Repository<Authenticator>,
    private readonly enrolments: Enrolments,
    private readonly changes: AuditedChanges,
  ) {}

  /**
   * People of a zone who have such an authenticator.
   *
   * @param limit how many at most
   */
  async people(zoneId: string, limit: number): Promise<Person[]> {
    return this.authenticators
      .createQueryBuilder('row')
      .select('row.subject', 'subject')
      .addSelect('row.subject_issuer', 'issuer')
      .distinct(true)
      .where('row.zone_id = :zoneId', { zoneId })
      .andWhere(KEY_KNOWN_TO_LOG_READERS)
      .limit(limit)
      .getRawMany<Person>();
  }

  /**
   * Removes all such authenticators of a person, and makes a link by which to register another: good once, for a
   * day. Others of the person's stay.
   *
   * @returns `null` if there were none (any more)
   * @throws {HttpException} 404 for a zone that is not there
   */
  async renew(change: Omit<Change, 'type'>, person: Person): Promise<Renewal | null> {
    const { zoneId } = change;
    const { subject, issuer } = person;
    const invitation = await this.enrolments.newInvitation(zoneId, person, LINK_MS);
    const removed = await this.changes.run(
      { ...change, type: 'authenticator.renewed' },
      async (tx) => {
        const found = await tx
          .getRepository(Authenticator)
          .createQueryBuilder('row')
          .where('row.zone_id = :zoneId AND row.subject = :subject', { zoneId, subject })
          .andWhere('row.subject_issuer IS NOT DISTINCT FROM :issuer', { issuer })
          .andWhere(KEY_KNOWN_TO_LOG_READERS)
          .getMany();
        const ids = found.map(({ id }) => id);
        if (ids.length === 0) return null;
        for (const id of ids) await tx.getRepository(Authenticator).delete({ zoneId, id });
        await this.enrolments.invite(tx, invitation);
        const enrolment_id = invitation.row.id;
        return { result: ids, details: { person, removed: ids, enrolment_id } };
      },
    );
    if (removed === null) return null;
    return { removed, url: invitation.url, expiresAt: invitation.expiresAt };
  }
}
