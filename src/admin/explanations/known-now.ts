import type { ExplainedPolicy } from './explanation.js';

/** What a zone has of the things that a denied request was about, as it is now; `null` for what is not there. */
export interface KnownNow {
  readonly client: {
    readonly name: string;
    readonly disabled: boolean;
    /** `null`: not limited. */
    readonly scopes: readonly string[] | null;
    readonly audience: readonly string[] | null;
  } | null;
  /** Those that the request is for, by identifier. */
  readonly resources: ReadonlyMap<string, { readonly scopes: readonly string[] }>;
  /** What the mandate that it brought as subject token has, if that was issued here and is recorded. */
  readonly subject: {
    readonly scopes: readonly string[];
    readonly targets: readonly string[];
  } | null;
  /** The scopes of its delegation. */
  readonly delegated: readonly string[] | null;
  /** The challenge that it was held for, or that it brought. */
  readonly challenge: {
    readonly id: string;
    readonly type: string;
    readonly state: string;
    readonly approvals: number;
    readonly quorum: number;
  } | null;
  /** Variations of what policy was asked that it permits, in words. */
  readonly permitted: readonly string[];
  /** Permits that could match what was asked, and how many there are; `null` if that cannot be told. */
  readonly permits: { readonly shown: readonly ExplainedPolicy[]; readonly inAll: number } | null;
}
