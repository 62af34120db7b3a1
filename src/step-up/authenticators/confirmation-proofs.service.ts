import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Challenge } from '../challenge.entity.js';
import { CONFIRMATION_METHODS } from '../decision-methods.js';
import type { Transaction, Verified } from './confirmation-method.js';
import { linkDigest, newLinkSecret, secretIn } from './link.js';

/** How long a person may read what is shown before the decision, as PostgreSQL takes it. */
const READING_TIME = '5 minutes';

/** What a person has shown of itself for one challenge. */
export interface ConfirmationProof {
  readonly method: (typeof CONFIRMATION_METHODS)[number]['name'];
  readonly amr: readonly string[];
}

/**
 * Remembers that a person has shown a code or a passkey for a challenge, whose request is shown only then: the
 * decision comes after, with a secret of the page. One for each authenticator, the latest.
 */
@Injectable()
export class ConfirmationProofs {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Stores that evidence was right. @returns the secret that the page sends with the decision */
  async add(
    tx: Transaction,
    { zoneId, id }: Challenge,
    method: ConfirmationProof['method'],
    { authenticatorId, amr }: Verified,
  ): Promise<string> {
    const secret = newLinkSecret();
    await tx.query(ADD, [zoneId, id, authenticatorId, linkDigest(secret), method, amr]);
    return secret;
  }

  /** @returns `null` for a secret that is wrong, spent or too old, or whose authenticator was removed */
  async find({ zoneId, id }: Challenge, secret: string): Promise<ConfirmationProof | null> {
    if (secretIn(secret) === null) return null;
    const values = [zoneId, id, linkDigest(secret)];
    const rows = await this.dataSource.query<{ method: string; amr: string[] }[]>(FIND, values);
    const [row] = rows;
    const method = CONFIRMATION_METHODS.find(({ name }) => name === row?.method)?.name;
    return row === undefined || method === undefined ? null : { method, amr: row.amr };
  }

  /** Makes sure that a secret is not good again. @returns `false` if it is not good any more */
  async spend(tx: Transaction, { zoneId, id }: Challenge, secret: string): Promise<boolean> {
    const [rows] = await tx.query<[unknown[], number]>(SPEND, [zoneId, id, linkDigest(secret)]);
    return rows.length === 1;
  }
}

const ADD = `INSERT INTO confirmation_proofs (zone_id, challenge_id, authenticator_id, digest, method, amr, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + interval '${READING_TIME}')
  ON CONFLICT (zone_id, challenge_id, authenticator_id) DO UPDATE
    SET digest = EXCLUDED.digest, method = EXCLUDED.method, amr = EXCLUDED.amr, expires_at = EXCLUDED.expires_at`;

const GOOD = `p.zone_id = $1 AND p.challenge_id = $2 AND p.digest = $3 AND p.expires_at > clock_timestamp()
  AND EXISTS (SELECT 1 FROM authenticators a WHERE a.zone_id = p.zone_id AND a.id = p.authenticator_id)`;

const FIND = `SELECT p.method, p.amr FROM confirmation_proofs p WHERE ${GOOD}`;

const SPEND = `DELETE FROM confirmation_proofs p WHERE ${GOOD} RETURNING p.method`;
