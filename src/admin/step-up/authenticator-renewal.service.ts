import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, type Repository } from 'typeorm';
import { atZone } from '../../platform/database/at-zones.js';
import { Authenticator } from '../../step-up/authenticators/authenticator.entity.js';
import { Enrolments, type Person } from '../../step-up/authenticators/enrolments.service.js';
import { AuditedChanges } from '../audited-changes.service.js';
import type { Change } from '../change.js';

/** Milliseconds for which these links are good: operators have to send them to many people. */
const LINK_MS = 24 * 3_600_000;

/**
 * In SQL about `row`: how an authenticator was registered, as its audit event says. Its id and that event's are
 * UUIDv7 that one process made in one transaction, so the event is among the next ones of the zone.
 */
const REGISTERED_BY = `(
  SELECT a.type FROM audit_events a
   WHERE a.zone_id = row.zone_id AND a.id > row.id
     AND a.id < uuid_from_time(row.created_at + interval '1 minute')
     AND a.type IN ('admin.authenticator.registered', 'authenticator.enrolled')
     AND audit_event(a)->'authenticator'->>'id' = row.id::text
   ORDER BY a.id LIMIT 1)`;

/**
 * In SQL about `row`: the key may have been derived from a link, which request logs of that time hold. Keys that
 * operators made were always drawn. Where the audit event is not in the database, it may have been a link.
 */
export const KEY_KNOWN_TO_LOG_READERS = `(
  row.kind = 'totp' AND NOT row.key_drawn
  AND ${REGISTERED_BY} IS DISTINCT FROM 'admin.authenticator.registered')`;

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
   * People of a zone who have such an authenticator, by name.
   *
   * @param limit how many at most
   */
  async people(zoneId: string, limit: number): Promise<Person[]> {
    return atZone(this.authenticators.manager.connection, zoneId, () =>
      this.authenticators
        .createQueryBuilder('row')
        .select('row.subject', 'subject')
        .addSelect('row.subject_issuer', 'issuer')
        .distinct(true)
        .where('row.zone_id = :zoneId', { zoneId })
        .andWhere(KEY_KNOWN_TO_LOG_READERS)
        .orderBy('row.subject')
        .addOrderBy('row.subject_issuer')
        .limit(limit)
        .getRawMany<Person>(),
    );
  }

  /**
   * Those of some authenticators of a zone that are such.
   *
   * @param authenticators in the transaction of a change, so that it waits for no other connection; as operators look
   *   at things if absent
   * @returns their ids
   */
  async among(
    zoneId: string,
    some: readonly Authenticator[],
    authenticators = this.authenticators,
  ): Promise<ReadonlySet<string>> {
    const doubtful = some.filter(({ kind, keyDrawn }) => kind === 'totp' && !keyDrawn);
    if (doubtful.length === 0) return new Set();
    const found = await authenticators
      .createQueryBuilder('row')
      .select('row.id', 'id')
      .where({ zoneId, id: In(doubtful.map(({ id }) => id)) })
      .andWhere(KEY_KNOWN_TO_LOG_READERS)
      .getRawMany<{ id: string }>();
    return new Set(found.map(({ id }) => id));
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
