import type { Session } from '../../ledger/sessions/session.entity.js';

/** A session: authority that is alive in a zone, or was. */
export interface SessionView {
  readonly id: string;
  /** The session that it descends from; itself if it is a root. */
  readonly root_id: string;
  /** The client that opened it. */
  readonly client_id: string;
  /** The user or the application that it is of. */
  readonly subject: string;
  /** The trusted issuer of the subject; absent for our own clients. */
  readonly issuer?: string;
  /** The federated identity whose token opened it; absent for others. */
  readonly federated_identity_id?: string;
  /** How the subject was authenticated (OpenID Connect Core 2), if that is known. */
  readonly acr?: string;
  readonly amr?: readonly string[];
  readonly auth_time?: Date;
  readonly created_at: Date;
  readonly expires_at: Date;
  /** `null`: it has not been ended. */
  readonly ended_at: Date | null;
}

/** A session as operators are shown it. */
export function toView(row: Session): SessionView {
  return {
    id: row.id,
    root_id: row.rootId,
    client_id: row.clientId,
    subject: row.subject,
    ...(row.issuer === null ? {} : { issuer: row.issuer }),
    ...(row.federatedIdentityId === null ? {} : { federated_identity_id: row.federatedIdentityId }),
    ...(row.acr === null ? {} : { acr: row.acr }),
    ...(row.amr === null ? {} : { amr: row.amr }),
    ...(row.authTime === null ? {} : { auth_time: row.authTime }),
    created_at: row.createdAt,
    expires_at: row.expiresAt,
    ended_at: row.endedAt,
  };
}
