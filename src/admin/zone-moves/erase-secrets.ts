import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import type { Sealing } from '../../sealing/sealing.service.js';

/** What was given up with a zone. */
export interface Erased {
  /** Deliveries to webhooks of the zone that have not arrived. */
  readonly undelivered: number;
}

/**
 * Erases what is secret of a zone that has moved: nobody can sign in its name here, nor find out what people confirm with.
 * Signing keys, whose public halves stay, are written over with what is no key.
 *
 * @param client in a transaction
 */
export async function eraseSecrets(
  client: pg.Client,
  zoneId: string,
  sealing: Pick<Sealing, 'seal' | 'newDigestKey'>,
): Promise<Erased> {
  await client.query('UPDATE zones SET sealed_digest_key = $2 WHERE id = $1', [
    zoneId,
    await sealing.newDigestKey(zoneId),
  ]);
  const { rows } = await client.query<{ kid: string }>(KEYS, [zoneId]);
  for (const { kid } of rows) {
    // oxlint-disable no-await-in-loop -- a KMS is asked once at a time
    const nothing = randomBytes(32);
    const key = await sealing.seal({ purpose: 'signing-key', zoneId, id: kid }, nothing);
    const handle = await sealing.seal({ purpose: 'signer-handle', zoneId, id: kid }, nothing);
    await client.query(WRITE_OVER, [zoneId, kid, key, handle]);
    // oxlint-enable no-await-in-loop
  }
  const deliveries = await client.query<{ count: number }>(UNDELIVERED, [zoneId]);
  for (const statement of ERASE) {
    // oxlint-disable-next-line no-await-in-loop -- one connection
    await client.query(statement, [zoneId]);
  }
  return { undelivered: deliveries.rows[0]?.count ?? 0 };
}

const KEYS = 'SELECT kid FROM signing_keys WHERE zone_id = $1';
const WRITE_OVER = `UPDATE signing_keys SET
    sealed_private_key = CASE WHEN sealed_private_key IS NULL THEN NULL ELSE $3::bytea END,
    sealed_signer_handle = CASE WHEN sealed_signer_handle IS NULL THEN NULL ELSE $4::bytea END
  WHERE zone_id = $1 AND kid = $2`;
const UNDELIVERED = `SELECT count(*)::int AS count FROM webhook_deliveries
  WHERE zone_id = $1 AND webhook_id IS NOT NULL AND delivered_at IS NULL AND dead_at IS NULL`;
const ERASE = [
  'DELETE FROM ssf_streams WHERE zone_id = $1',
  'DELETE FROM authenticators WHERE zone_id = $1',
  'DELETE FROM ssf_outbox WHERE zone_id = $1',
  'DELETE FROM enrolments WHERE zone_id = $1',
  'DELETE FROM proof_systems WHERE zone_id = $1',
  'DELETE FROM webhooks WHERE zone_id = $1',
  'DELETE FROM idempotency_keys WHERE zone_id = $1',
  'UPDATE trusted_issuers SET sealed_ssf_poll_token = NULL WHERE zone_id = $1 AND sealed_ssf_poll_token IS NOT NULL',
];
