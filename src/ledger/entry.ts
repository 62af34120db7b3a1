/** An audit event: a JSON object. It must hold no secret and no token. */
export type AuditEvent = Readonly<Record<string, unknown>> & {
  /** The kind of event, such as `token_exchange`. */
  readonly type: string;
  readonly outcome: 'issued' | 'denied' | 'failed' | 'done';
  /** Of this request and no other: a UUIDv7 that was drawn here. */
  readonly request_id: string;
  /** What the caller calls the request. */
  readonly request_label?: string;
  /** The trace that the request is part of, where somebody traces it. */
  readonly trace_id?: string;
};

/** The denial if a fact has moved: members that replace those of the audit event. */
export interface Otherwise {
  readonly outcome: 'denied' | 'failed';
  /** The OAuth error that the caller gets. */
  readonly error: string;
  /** The precise reason, for operators. */
  readonly reason: string;
  /** Which part of its evaluation was not passed, where the event says that. */
  readonly stage?: string;
}

/** A condition that held when the request was evaluated and that the commit checks again. */
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
      /** A subject is of the generation that the token says: it was not taken back since. */
      readonly kind: 'generation_current';
      /** Of the subject: `subjectKey` in `mandates/generations.ts`. */
      readonly key: string;
      readonly generation: number;
      /** The parameter that the token came in. */
      readonly parameter: 'subject_token' | 'actor_token';
      readonly otherwise: Otherwise;
    }
  | {
      /** Holds once: checking spends the nonce. It goes before facts that need not hold. */
      readonly kind: 'nonce_unspent';
      readonly purpose: 'gateway_request' | 'client_assertion';
      /** Hex SHA-256 of the nonce. */
      readonly nonce: string;
      /** The last day (`YYYY-MM-DD`, UTC) on which it could be used at all. */
      readonly day: string;
      /**
       * When it was signed, in seconds since the epoch, if it may come again with a later signature: when this one cannot
       * be replayed any more (`ledger_replay_seconds` in facts.sql).
       */
      readonly signedAt?: number;
      readonly otherwise: Otherwise;
    }
  /** An agent session and all its ancestors. */
  | { readonly kind: 'agent_session_live'; readonly id: string; readonly otherwise: Otherwise }
  | {
      /** A delegation edge, all its ancestors, and every agent session on the path. */
      readonly kind: 'delegation_live';
      readonly id: string;
      /** The versions that were evaluated, by the id of the edge; absent if they are not known. */
      readonly versions?: Readonly<Record<string, string>>;
      readonly otherwise: Otherwise;
    }
  | {
      /**
       * Nothing of the `graph` of the entry has expired, and what it rests on is there. What else could end it, an end
       * or a revocation, is another version of it, and makes the entry stale.
       */
      readonly kind: 'agency_live';
      /** When the first of it expires, by the database's clock: seconds since the epoch. */
      readonly until: number;
      /** The sessions in which its agent sessions were opened; those that have expired may be gone. */
      readonly sessions: readonly string[];
      /** The clients of its agent sessions, and the parties of its delegations. */
      readonly clients: readonly string[];
      readonly otherwise: Otherwise;
    }
  | {
      /** No budget on the path is used up. If all facts hold, each is charged one exchange. */
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
      /** The requester may open one more challenge, or get another secret for one that is open. */
      readonly kind: 'challenge_allowed';
      readonly binding: string;
      /** Of the challenge. One that has others is not joined. */
      readonly terms: object;
      readonly client_id: string;
      readonly subject: string;
      readonly subject_issuer?: string;
      readonly subject_type: 'user' | 'application';
      readonly max_of_client: number;
      /** For one user. */
      readonly max_of_subject: number;
      /** For one user by one client: so no client alone can keep others from asking a user. */
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

/** A value that may be used once, hashed. */
export type Nonce = Omit<Extract<Fact, { kind: 'nonce_unspent' }>, 'kind' | 'otherwise'>;

/** A client of the zone as an evaluation has seen it. If it is another by now, the entry is stale. */
export interface SeenClient {
  readonly id: string;
  /** `null` if there was none. */
  readonly version: string | null;
}

/** A subject in the generation that an evaluation has read. If it is another by now, the entry is stale. */
export interface SeenSubject {
  /** `subjectKey` in `mandates/generations.ts`. */
  readonly key: string;
  readonly generation: number;
}

/** What it was told who asked which labels only other clients have. If that is something else by now, the entry is stale. */
export interface AskedLabels {
  readonly client_id: string;
  readonly labels: readonly string[];
  /** Those of them that other clients have and this one has not, in the same order. */
  readonly reserved: readonly string[];
}

/** A session to be created with the entry. */
export interface SessionBirth {
  readonly id: string;
  readonly root_id: string;
  readonly client_id: string;
  readonly subject: string;
  /** The trusted issuer of the subject; absent for our own clients. */
  readonly issuer?: string;
  /** The federated identity whose token opens it, and with which it ends. */
  readonly federated_identity_id?: string;
  /** How and when the subject was authenticated. */
  readonly acr?: string;
  readonly amr?: readonly string[];
  /** Seconds since the epoch. */
  readonly auth_time?: number;
  /** Seconds since the epoch. */
  readonly expires_at: number;
  /** The generations that it is opened in: with another one of any it is dead. 0 where absent. */
  readonly zone_generation?: number;
  readonly client_generation?: number;
  readonly subject_generation?: number;
  readonly issuer_generation?: number;
}

/** An authentication of the subject in a step-up, which its session remembers. */
export interface RememberedAuthentication {
  readonly session_id: string;
  readonly subject: string;
  readonly issuer?: string;
  readonly acr: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly auth_time: number;
}

/**
 * A mandate whose status a list tells, with all that may take it back. A row of it is there from the commit that issues it
 * until it has expired.
 */
export interface ListedMandate {
  /** Hours since 1970 within which it expires. */
  readonly exp_hour: number;
  /** Which of the lists of that hour, and its place in it. */
  readonly list: number;
  readonly idx: number;
  /** Seconds since the epoch. */
  readonly expires_at: number;
  readonly jti: string;
  readonly ancestors: readonly string[];
  readonly sid: string;
  readonly root_sid: string;
  readonly agent_session_id?: string;
  /** The delegation that it was issued on. */
  readonly edge_id?: string;
  /** The subject in the table `generations` (`subjectKey` in mandates/generations.ts), hex; absent for an application. */
  readonly subject_key?: string;
  readonly subject_gen?: number;
  /** The generations and policies that it was issued in (`generationsSaid` in mandates/taken-back.ts), without its subject. */
  readonly said: object;
  readonly kid: string;
}

/** A challenge that was opened, or joined if the same request had one already. */
export interface OpenedChallenge {
  readonly id: string;
  readonly type: string;
  readonly joined: boolean;
  /** Seconds since the epoch. */
  readonly expires_at: number;
}

/** What was read of the agent sessions and delegations of a zone, for the commit to compare with what is there. */
export interface GraphBasis {
  /** The epoch of the graph, if it has to be the same; absent where it was read for this very request. */
  readonly epoch?: string;
  /** The states of agent sessions (`Agent` in `delegation/delegation-route.ts`), by id. */
  readonly agents: Readonly<Record<string, string>>;
  /** The versions of delegations, by id. */
  readonly edges: Readonly<Record<string, string>>;
}

/** A mandate to be revoked with the entry. Such an entry rests on nothing, and refers to no version of anything. */
export interface TakenBack {
  readonly jti: string;
  /** A session that is ended with it, and the agent sessions in it. */
  readonly session_id?: string;
}

/** One request to the ledger: facts to check and an audit event to record, as one unit. */
export interface Entry {
  /** UUIDv7 of the audit event. */
  readonly event_id: string;
  readonly zone_id: string;
  /** The version of the zone's settings that the request was evaluated on; absent if there was no zone. */
  readonly settings_version?: string;
  /** The clients that the request was evaluated on. */
  readonly clients?: readonly SeenClient[];
  readonly labels?: AskedLabels;
  readonly subject?: SeenSubject;
  /** A client id that was unknown when the request was evaluated. */
  readonly absent_client?: string;
  /** What the request was evaluated on of the graph; absent if that need not be the same. */
  readonly graph?: GraphBasis;
  readonly facts: readonly Fact[];
  readonly session?: SessionBirth;
  /** What the subject has shown in a step-up. The name is the ledger functions', which the version before calls, too. */
  readonly proof?: RememberedAuthentication;
  /** The mandate that is issued, if a list is to tell its status. */
  readonly listed?: ListedMandate;
  /** A challenge to be opened (`step-up/challenge.ts`). */
  readonly challenge?: object;
  readonly takes_back?: TakenBack;
  readonly event: AuditEvent;
}

/** The zone id of events that belong to no zone: the nil UUID (RFC 9562 5.9). */
export const NO_ZONE = '00000000-0000-0000-0000-000000000000';

declare const receipt: unique symbol;

/**
 * The receipt of an entry that is on disk. Only the ledger makes one, and a token response is built
 * from nothing else.
 */
export interface CommitReceipt {
  readonly [receipt]: true;
  readonly eventId: string;
}

/** The result of an entry. */
export type Committed =
  | {
      readonly status: 'recorded';
      readonly receipt: CommitReceipt;
      /** Present if the entry was to open one. */
      readonly challenge?: OpenedChallenge;
    }
  /** A fact moved. The denial that the fact names is recorded instead. */
  | { readonly status: 'refused'; readonly fact: Fact }
  /** The zone, a client or the graph has changed since the evaluation. Nothing is recorded: evaluate again. */
  | { readonly status: 'stale' };
