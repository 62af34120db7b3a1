import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { AssertingClient } from './asserting-client.js';
import type { SecretRecord } from './secret.js';

/** A client and its secrets at one version. Immutable. */
export interface ClientView extends AssertingClient {
  readonly zoneId: string;
  /** The version that the ledger compares. */
  readonly version: string;
  readonly labels: readonly string[];
  readonly groups: readonly string[];
  readonly authMethods: readonly string[];
  readonly registrationMethod: string;
  readonly disabled: boolean;
  /** Counts how often all that was issued to it, or by way of it, was taken back. */
  readonly generation: number;
  /** Identifiers that its requests are for which name no resource (RFC 8707 2); none: those of its zone. */
  readonly defaultResources: readonly string[];
  /** Whether it may receive shared signals of the zone (OpenID SSF 1.0). */
  readonly ssf: boolean;
  /** What its introspection answers are signed with unless it asks for JSON (RFC 9701 6); `null` for JSON. */
  readonly introspectionAlg: ZoneAlg | null;
  /** The most seconds that a mandate lives that it is issued; `null`: what everybody gets. */
  readonly accessTokenLifespan: number | null;
  /** All that it may be granted; `null`: not limited here. */
  readonly scopes: readonly string[] | null;
  /** Identifiers of all resources that it may have mandates for; `null`: not limited here. */
  readonly audience: readonly string[] | null;
  /** Those that are neither revoked nor long expired. */
  readonly secrets: readonly SecretRecord[];
}

/** Whether a client may have mandates for a resource, as far as its own settings go. */
export function isForAudience(
  { audience }: Pick<ClientView, 'audience'>,
  resource: string,
): boolean {
  return audience === null || audience.includes(resource);
}

/** Bytes of a view beside its texts: the objects, and its place in memory. */
const OVERHEAD = 1_000;

/** About how many bytes of memory a client takes. */
export function weightOf({ labels, groups, secrets, jwks, jwksUri, ...rest }: ClientView): number {
  const texts = [
    ...labels,
    ...groups,
    ...rest.defaultResources,
    ...(rest.scopes ?? []),
    ...(rest.audience ?? []),
    ...secrets.map(({ verifier }) => verifier),
    jwksUri ?? '',
  ];
  const length = texts.reduce((sum, text) => sum + text.length + 40, 0);
  // Parsed keys take about ten times their text.
  const keys = jwks === null ? 0 : 10 * JSON.stringify(jwks).length;
  const { workloadIdentity: workload } = rest;
  return (
    OVERHEAD +
    length +
    keys +
    (workload === null ? 0 : workload.issuer.length + workload.subject.length)
  );
}
