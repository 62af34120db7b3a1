/** What sealed values are for: a closed set, each with its column in `sealed-columns.ts`. */
export const SEAL_PURPOSES = [
  'signing-key',
  'signer-handle',
  'client-secret-digest-key',
  'totp-secret',
  'webhook-secret',
  'proof-system-secret',
  'key-check',
] as const;

/** One of {@link SEAL_PURPOSES}. */
export type SealPurpose = (typeof SEAL_PURPOSES)[number];

/** The one place that a value is sealed for. It is authenticated with it, so rows cannot be swapped. */
export interface SealContext {
  readonly purpose: SealPurpose;
  readonly zoneId: string;
  /** The key or row within the zone. */
  readonly id: string;
}
