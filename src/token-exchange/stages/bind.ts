import { OAuthError, orUnavailable } from '../../oauth/errors.js';
import { isUuid } from '../../oauth/vocabulary.js';
import type { Resolved } from './resolve.js';

/** The session that a mandate belongs to, and lives no longer than. */
export interface Anchor {
  readonly sid: string;
  readonly rootSid: string;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
}

/** A request with the session that it belongs to. */
export interface Bound extends Omit<Resolved, 'sessionId'> {
  /** `null` if the exchange opens a session. */
  readonly anchor: Anchor | null;
}

/** The sessions of zones. */
export interface SessionDirectory {
  find(
    zoneId: string,
    id: string,
  ): Promise<{
    id: string;
    rootId: string;
    clientId: string;
    subject: string;
    issuer: string | null;
    acr: string | null;
    amr: readonly string[] | null;
    authTime: Date | null;
    expiresAt: Date;
    endedAt: Date | null;
  } | null>;
}

/**
 * Stage 4: binds the request to a session: the one that `session_id` names, which must be the
 * caller's own or the subject token's; else the subject token's; else a new one.
 *
 * Whether the session is alive is checked when the ledger commits, not here.
 *
 * @throws {OAuthError} invalid_grant
 */
export function bind(resolved: Resolved, sessions: SessionDirectory): Bound | Promise<Bound> {
  const { asked, sessionId, agent, challenge, caller, principals } = resolved;
  const { subject } = principals;
  const boundTo = (anchor: Anchor | null): Bound => ({
    asked,
    agent,
    challenge,
    caller,
    principals,
    anchor,
  });
  const inherited =
    subject === null
      ? null
      : { sid: subject.sid, rootSid: subject.rootSid, expiresAt: subject.exp };
  if (sessionId === null || sessionId === inherited?.sid) return boundTo(inherited);
  return anchorOf(sessionId, inherited, resolved, sessions).then(boundTo);
}

async function anchorOf(
  sessionId: string,
  inherited: Anchor | null,
  { caller: { zone, client }, principals: { user } }: Resolved,
  sessions: SessionDirectory,
): Promise<Anchor> {
  const session = isUuid(sessionId)
    ? await orUnavailable('session', sessions.find(zone.zoneId, sessionId))
    : null;
  if (session === null || session.clientId !== client.id) {
    throw new OAuthError('invalid_grant', 'the session is not usable', {
      detail: session === null ? 'unknown session' : 'session of another client',
    });
  }
  if (user !== null && (session.subject !== user.sub || session.issuer !== user.issuer)) {
    throw new OAuthError('invalid_grant', 'the session is not usable', {
      detail: 'session of another user',
    });
  }
  return {
    sid: session.id,
    // A chain keeps its root, so that ending it ends everything below, wherever it is anchored.
    rootSid: inherited?.rootSid ?? session.rootId,
    expiresAt: Math.floor(session.expiresAt.getTime() / 1_000),
  };
}
