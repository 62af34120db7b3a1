import type { MandateTyp } from '../../oauth/vocabulary.js';
import type { DetailType } from '../../oauth/authorization-details/detail-type.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type {
  DeclaredOperation,
  DescribedScope,
  Resource,
  RevocationChannel,
} from '../../zones/resource.entity.js';

/** A resource as operators are shown it. */
export interface ResourceView {
  readonly id: string;
  /** An absolute URI, by which requests, mandates and policies name it (RFC 8707 2). It cannot be changed. */
  readonly identifier: string;
  /** What can be granted for it, in order. */
  readonly scopes: readonly string[];
  /** What people who confirm requests know it as; absent where that was not said. */
  readonly display_name?: string;
  /** What it is, for them. */
  readonly description?: string;
  /** What its scopes allow, in words for them. */
  readonly scope_descriptions?: readonly DescribedScope[];
  /** What can be granted for it beside scopes (RFC 9396); absent where nothing was declared. */
  readonly authorization_details_types?: readonly DetailType[];
  /** Where a gateway finds it. */
  readonly upstream_url: string | null;
  /** The client that this resource is: it may exchange on behalf of its callers, and introspect mandates for it. */
  readonly owner_client_id: string | null;
  /** Who may ask for mandates for it: any client, or only gateways. */
  readonly access: 'direct' | 'gateway';
  /** What can be done with it through a gateway; anything if empty. */
  readonly operations: readonly DeclaredOperation[];
  /** What mandates for it are signed with; absent: what the zone signs with. */
  readonly signing_alg?: ZoneAlg;
  /** The `typ` of mandates for it. */
  readonly token_typ: MandateTyp;
  /** How its verifiers learn that a mandate was taken back; absent where that was not said. */
  readonly revocation?: RevocationChannel;
  /** Whether the metadata of the zone names it (RFC 9728 4). */
  readonly listed: boolean;
  /** The clients that may introspect mandates for it, beside its owner. */
  readonly introspection_client_ids: readonly string[];
  readonly created_at: Date;
  /** When it was changed last, as far as is known; when it was registered if it never was. */
  readonly updated_at: Date;
}

/** @returns the resource as operators are shown it */
export function toView(row: Resource): ResourceView {
  return {
    id: row.id,
    identifier: row.identifier,
    scopes: row.scopes,
    ...(row.displayName === null ? {} : { display_name: row.displayName }),
    ...(row.description === null ? {} : { description: row.description }),
    ...(row.scopeDescriptions.length === 0 ? {} : { scope_descriptions: row.scopeDescriptions }),
    ...(row.detailTypes.length === 0 ? {} : { authorization_details_types: row.detailTypes }),
    upstream_url: row.upstreamUrl,
    owner_client_id: row.ownerClientId,
    access: row.access,
    operations: row.operations,
    ...(row.signingAlg === null ? {} : { signing_alg: row.signingAlg }),
    token_typ: row.tokenTyp,
    ...(row.revocation === null ? {} : { revocation: row.revocation }),
    listed: row.listed,
    introspection_client_ids: row.introspectionClientIds,
    created_at: row.createdAt,
    updated_at: row.updatedAt ?? row.createdAt,
  };
}
