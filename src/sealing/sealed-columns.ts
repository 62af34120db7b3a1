import type { SealPurpose } from './seal.js';

/** A column that holds sealed values, and the columns with the place that each is sealed for. */
export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  readonly purpose: SealPurpose;
  /** The columns with the zone, and with the key or row within it: together they are unique. */
  readonly zone: string;
  readonly id: string;
  /** In SQL: the rows whose values have this purpose, where others of the column have another. */
  readonly only?: string;
}

/**
 * All columns with sealed values. `mandate keys rewrap` and the check at start go by this
 * list, so a column that is missing here would be lost with the key-encryption key;
 * `test/sealing/key-encryption-rotation.spec.ts` compares it with the schema.
 */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  {
    table: 'zones',
    column: 'sealed_digest_key',
    purpose: 'client-secret-digest-key',
    zone: 'id',
    id: 'id',
  },
  {
    table: 'signing_keys',
    column: 'sealed_private_key',
    purpose: 'signing-key',
    zone: 'zone_id',
    id: 'kid',
  },
  {
    table: 'signing_keys',
    column: 'sealed_signer_handle',
    purpose: 'signer-handle',
    zone: 'zone_id',
    id: 'kid',
  },
  {
    table: 'authenticators',
    column: 'sealed_secret',
    purpose: 'totp-secret',
    zone: 'zone_id',
    id: 'id',
    only: `kind = 'totp'`,
  },
  {
    table: 'enrolments',
    column: 'sealed_secret',
    purpose: 'enrolment-secret',
    zone: 'zone_id',
    id: 'id',
  },
  {
    table: 'webhooks',
    column: 'sealed_secret',
    purpose: 'webhook-secret',
    zone: 'zone_id',
    id: 'id',
  },
  {
    table: 'webhooks',
    column: 'sealed_previous_secret',
    purpose: 'webhook-secret',
    zone: 'zone_id',
    id: 'id',
  },
  {
    table: 'installation_webhooks',
    column: 'sealed_secret',
    purpose: 'webhook-secret',
    zone: 'zone_id',
    id: 'id',
  },
  {
    table: 'installation_webhooks',
    column: 'sealed_previous_secret',
    purpose: 'webhook-secret',
    zone: 'zone_id',
    id: 'id',
  },
  {
    table: 'ssf_streams',
    column: 'sealed_authorization',
    purpose: 'ssf-authorization',
    zone: 'zone_id',
    id: 'id',
  },
  {
    table: 'trusted_issuers',
    column: 'sealed_ssf_poll_token',
    purpose: 'ssf-poll-token',
    zone: 'zone_id',
    id: 'id',
  },
  {
    table: 'proof_systems',
    column: 'sealed_secret',
    purpose: 'proof-system-secret',
    zone: 'zone_id',
    id: 'id',
  },
  {
    table: 'idempotency_keys',
    column: 'sealed_key',
    purpose: 'idempotent-answer-key',
    zone: 'zone_id',
    id: 'id',
  },
  {
    table: 'checkpoint_keys',
    column: 'sealed_seed',
    purpose: 'checkpoint-key',
    zone: 'zone_id',
    id: 'id',
  },
  {
    table: 'zone_receiving_keys',
    column: 'sealed_private_key',
    purpose: 'zone-receiving-key',
    zone: 'zone_id',
    id: 'id',
  },
];
