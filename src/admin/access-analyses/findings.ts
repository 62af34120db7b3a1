/** A resource that nobody has used. */
export interface UnusedResource {
  readonly resource_id: string;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly created_at: Date;
}

/** Scopes of a resource that is used, which nobody has. */
export interface UnusedScopes {
  readonly resource_id: string;
  readonly resource: string;
  readonly used_scopes: readonly string[];
  readonly unused_scopes: readonly string[];
  /** Decisions that let the resource pass, and the last of them. */
  readonly uses: number;
  readonly last_used_at: Date;
}

/** A client that has asked for nothing that it was let have. */
export interface UnusedClient {
  readonly client_id: string;
  readonly client: string;
  readonly created_at: Date;
}

/** Scopes that the active policies, and what is registered, let a client have for a resource that it uses without them. */
export interface UnusedClientScopes extends UnusedScopes {
  readonly client_id: string;
  readonly client: string;
}

/** What a client may be granted by what is registered, and what of it it uses. */
export interface WideClient {
  readonly client_id: string;
  readonly client: string;
  /** As they are registered; `null`: not limited. */
  readonly scopes: readonly string[] | null;
  readonly audience: readonly string[] | null;
  readonly used_scopes: readonly string[];
  /** Those that are used, and those that it has by default. */
  readonly used_audience: readonly string[];
}

/** A delegation that is alive, for half as long as the longest by now, and of which something was not used. */
export interface UnusedDelegation {
  readonly delegation_edge_id: string;
  readonly issuer_application_id: string;
  readonly receiver_application_id: string;
  readonly unused_scopes: readonly string[];
  readonly unused_resources: readonly string[];
  readonly uses: number;
  readonly last_used_at: Date | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** What is unused. */
export interface Findings {
  readonly resources: readonly UnusedResource[];
  readonly scopes: readonly UnusedScopes[];
  readonly clients: readonly UnusedClient[];
  readonly client_scopes: readonly UnusedClientScopes[];
  readonly wide_clients: readonly WideClient[];
  readonly delegations: readonly UnusedDelegation[];
}

/** What is there and nothing is said of: made, or changed, within the period, and delegations that were accepted a moment ago. */
export interface TooYoung {
  readonly resources: number;
  readonly clients: number;
  readonly delegations: number;
}

/** What is unused, as far as it is shown. */
export interface ReadFindings {
  readonly found: Findings;
  /** The kinds of which there is more. */
  readonly more: readonly string[];
}
