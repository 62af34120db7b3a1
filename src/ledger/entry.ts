/** A JSON object that goes into the audit log. It must hold no secret and no token. */
export type AuditEvent = Readonly<Record<string, unknown>> & {
  /** What kind of thing happened, such as `token_exchange`. */
  readonly type: string;
  readonly outcome: 'issued' | 'denied' | 'failed' | 'done';
  readonly request_id: string;
};

/** The members that replace those of the event if a fact has moved. */
export interface Otherwise {
  readonly outcome: 'denied' | 'failed';
  /** The OAuth error that the caller gets. */
  readonly error: string;
  /** The precise reason, for operators. */
  readonly reason: string;
}

/** Something that was true when the request was evaluated and must still be true in the commit. */
export type Fact =
  | { readonly kind: 'session_live'; readonly id: string; readonly otherwise: Otherwise }
  | {
      readonly kind: 'token_not_revoked';
      readonly jti: string;
      /** The parameter that the token came in. */
      readonly parameter: 'subject_token' | 'actor_token';
      readonly otherwise: Otherwise;
    }
  | {
      /** Holds once: what is checked is spent, so it goes before facts that need not hold. */
      readonly kind: 'nonce_unspent';
      readonly purpose: 'gateway_request' | 'client_assertion';
      /** Hex SHA-256 of what may be used once. */
      readonly nonce: string;
      /** The last day (`YYYY-MM-DD`, UTC) on which it could be used at all. */
      readonly day: string;
      readonly otherwise: Otherwise;
    }
  /** An agent session and all above it. */
  | { readonly kind: 'agent_session_live'; readonly id: string; readonly otherwise: Otherwise }
  | {
      /** A delegation, all above it, and every agent session on the way. */
      readonly kind: 'delegation_live';
      readonly id: string;
      /** The versions that were evaluated, by the id of the edge; absent if they are not known. */
      readonly versions?: Readonly<Record<string, string>>;
      readonly otherwise: Otherwise;
    }
  | {
      /** No budget on the way is used up. If all facts hold, one exchange is drawn on each. */
      readonly kind: 'delegation_unspent';
      readonly id: string;
      readonly otherwise: Otherwise;
    }
  | {
      /** The challenge is approved, unspent, and stands for this very request. If all facts hold, it is spent. */
      readonly kind: 'challenge_satisfied';
      readonly id: string;
      /** Hex SHA-256 of the request. */
      readonly binding: string;
      /** Hex SHA-256 of the response. */
      readonly secret_digest: string;
      readonly otherwise: Otherwise;
    }
  | {
      /** Whoever asks may have one more challenge open, or another secret for one that is. */
      readonly kind: 'challenge_allowed';
      readonly binding: string;
      readonly client_id: string;
      readonly subject: string;
      readonly subject_issuer?: string;
      readonly subject_type: 'user' | 'application';
      readonly max_of_client: number;
      /** Of a user. */
      readonly max_of_subject: number;
      /** Of a user, by the same client: no client alone keeps others from asking a user. */
      readonly max_of_both: number;
      readonly max_secrets: number;
      readonly otherwise: Otherwise;
    }
  | {
      readonly kind: 'clock_agrees';
      /** Our clock, seconds since the epoch. */
      readonly now: number;
      /** Seconds by which the database's may differ. */
      readonly tolerance: number;
      readonly otherwise: Otherwise;
    };

/** What may be used once. */
export type Nonce = Omit<Extract<Fact, { kind: 'nonce_unspent' }>, 'kind' | 'otherwise'>;

/** A session that is born with the entry. */
export interface SessionBirth {
  readonly id: string;
  readonly root_id: string;
  readonly client_id: string;
  readonly subject: string;
  /** Whose name the subject is, if not ours. */
  readonly issuer?: string;
  /** How and when the subject was authenticated. */
  readonly acr?: string;
  readonly amr?: readonly string[];
  /** Seconds since the epoch. */
  readonly auth_time?: number;
  /** Seconds since the epoch. */
  readonly expires_at: number;
}

/** Proof of the subject that its session remembers. */
export interface SessionProof {
  readonly session_id: string;
  readonly subject: string;
  readonly issuer?: string;
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly auth_time: number;
}

/** A challenge that was opened, or joined: the same request had one already. */
export interface OpenedChallenge {
  readonly id: string;
  readonly type: string;
  readonly joined: boolean;
  /** Seconds since the epoch. */
  readonly expires_at: number;
}

/** Everything that one request asks the ledger to check and record, as one unit. */
export interface Entry {
  /** UUIDv7 of the audit event. */
  readonly event_id: string;
  readonly zone_id: string;
  /** The zone version that the request was evaluated on. Absent if no zone was involved. */
  readonly zone_version?: string;
  /** A client id that was unknown when the request was evaluated. */
  readonly absent_client?: string;
  readonly facts: readonly Fact[];
  readonly session?: SessionBirth;
  readonly proof?: SessionProof;
  /** A challenge to be opened (`step-up/challenge.ts`). */
  readonly challenge?: object;
  readonly event: AuditEvent;
}

/** The zone under which events are filed that belong to none: the nil UUID (RFC 9562 5.9). */
export const NO_ZONE = '00000000-0000-0000-0000-000000000000';

declare const receipt: unique symbol;

/**
 * The proof that an entry is on disk. Only the ledger makes one, and a token response is built
 * from nothing else.
 */
export interface Receipt {
  readonly [receipt]: true;
  readonly eventId: string;
}

/** What became of an entry. */
export type Committed =
  | {
      readonly status: 'recorded';
      readonly receipt: Receipt;
      /** Only for an entry that was to open one. */
      readonly challenge?: OpenedChallenge;
    }
  /** A fact moved. The denial that the fact names is recorded instead. */
  | { readonly status: 'refused'; readonly fact: Fact }
  /** The zone changed since the evaluation. Nothing is recorded: evaluate again. */
  | { readonly status: 'stale' };
