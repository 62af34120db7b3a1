/** A policy set version as it is listed with its zone, without the texts of its policies (listed-set.sql). */
export interface ListedPolicySet {
  readonly setVersionId: string;
  /** `null` if there is no such version. */
  readonly manifestSha256: string | null;
  /** The manifest hash of what is stored; `null` if a text does not match its own hash. */
  readonly storedSha256: string | null;
}
