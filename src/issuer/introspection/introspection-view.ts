/** What is told of a token: of one that is not active, or that the caller may not know of, only that (RFC 7662 2.2). */
export interface IntrospectedMandate {
  readonly active: boolean;
  readonly iss?: string;
  readonly sub?: string;
  /** The issuer of the name of the subject, if it is another's. */
  readonly sub_iss?: string;
  readonly sub_type?: 'user' | 'application';
  readonly aud?: string | readonly string[];
  readonly client_id?: string;
  readonly scope?: string;
  readonly exp?: number;
  readonly iat?: number;
  readonly jti?: string;
  readonly token_type?: 'Bearer' | 'DPoP';
  readonly zone_id?: string;
  readonly use?: 'session' | 'resource';
  readonly sid?: string;
  readonly root_sid?: string;
  /** The resources that it is for, as far as the caller may know of them. */
  readonly target?: readonly string[];
  readonly act?: ActorView;
  /** Who may act for the subject (RFC 8693 4.4). */
  readonly may_act?: Readonly<Record<string, unknown>>;
  readonly acr?: string;
  readonly amr?: readonly string[];
  readonly auth_time?: number;
  /** The key that it is bound to (RFC 7800 3.1). */
  readonly cnf?: Readonly<Record<string, unknown>>;
  readonly agent_session_id?: string;
  readonly delegation_edge_id?: string;
  readonly delegation_chain?: readonly Readonly<Record<string, unknown>>[];
  /** RFC 9396 9.2. */
  readonly authorization_details?: readonly Readonly<Record<string, unknown>>[];
  /** How verifiers are to learn that it was taken back. */
  readonly revocation?: 'introspect' | 'status_list' | 'feed' | 'expiry';
}

/** Who acts, and inside it for whom (RFC 8693 4.1). */
export interface ActorView {
  readonly sub: string;
  readonly client_id?: string;
  readonly sub_type?: string;
  readonly act?: ActorView;
}

/** The same of each of several tokens, in their order. */
export interface IntrospectedMandates {
  readonly results: readonly IntrospectedMandate[];
}
