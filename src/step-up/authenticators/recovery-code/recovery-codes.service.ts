import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { DataSource, EntityManager } from 'typeorm';
import { Authenticator } from '../authenticator.entity.js';
import type { NewAuthenticator } from '../confirmation-method.js';
import { MFA_METHODS } from '../../type-terms.js';
import { digestsOf, recoveryCode } from './recovery-code.js';
import { newRecoveryCodes } from './recovery-codes.js';

/** A person of a zone. */
interface Person {
  readonly subject: string;
  /** The trusted issuer of the name; `null` for names of ours. */
  readonly issuer: string | null;
}

/** Gives people recovery codes: one set each, of which the latest counts. */
@Injectable()
export class RecoveryCodes {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Takes the codes away that a person has, since others take their place. Others that do the same wait. */
  async replace(tx: EntityManager, zoneId: string, person: Person): Promise<void> {
    const { subject, issuer } = person;
    await takeTurn(tx, zoneId, person);
    await tx.query(
      `DELETE FROM authenticators WHERE zone_id = $1 AND subject = $2
          AND subject_issuer IS NOT DISTINCT FROM $3 AND kind = 'recovery_code'`,
      [zoneId, subject, issuer],
    );
  }

  /**
   * Codes for a person who has set up something else, and has none left, in a zone where they are good for anything.
   *
   * @returns what is to be stored, and the codes, which are shown this once; `null` if there are to be none
   */
  async forNew(
    tx: EntityManager,
    zoneId: string,
    person: Person,
  ): Promise<(NewAuthenticator & { readonly codes: readonly string[] }) | null> {
    if (!(await this.areTaken(zoneId, tx))) return null;
    // Of two at once the second sees what the first was given, and does not take that away.
    await takeTurn(tx, zoneId, person);
    if ((await this.left(zoneId, person, tx)) !== null) return null;
    await this.replace(tx, zoneId, person);
    const codes = newRecoveryCodes();
    return { id: uuidv7(), recoveryDigests: digestsOf(codes), codes };
  }

  /** How many codes a person has left; `null` for none. */
  async left(
    zoneId: string,
    { subject, issuer }: Person,
    on: EntityManager = this.dataSource.manager,
  ): Promise<number | null> {
    const kept = await on
      .getRepository(Authenticator)
      .createQueryBuilder('a')
      .where({ zoneId, subject, kind: recoveryCode.name })
      .andWhere('a.subject_issuer IS NOT DISTINCT FROM :issuer', { issuer })
      .getMany();
    const left = kept.reduce((sum, { recoveryDigests }) => sum + (recoveryDigests?.length ?? 0), 0);
    return left === 0 ? null : left;
  }

  /** Whether a type of the zone is satisfied by recovery codes. */
  async areTaken(zoneId: string, on: EntityManager = this.dataSource.manager): Promise<boolean> {
    const rows = await on.query<{ type: string; taken: boolean }[]>(
      'SELECT type, $2 = ANY (satisfied_by) AND subject_may_satisfy AS taken FROM step_up_types WHERE zone_id = $1',
      [zoneId, recoveryCode.name],
    );
    if (rows.some(({ taken }) => taken)) return true;
    return MFA_METHODS.includes(recoveryCode.name) && rows.every(({ type }) => type !== 'mfa');
  }
}

/** Waits until nobody else gives a person codes, until the transaction ends. */
async function takeTurn(
  tx: EntityManager,
  zoneId: string,
  { subject, issuer }: Person,
): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `recovery codes of ${JSON.stringify([zoneId, issuer, subject])}`,
  ]);
}
