import type { Delegated } from './delegate.js';

/** How and when the subject was authenticated, or what it asks for confirmed (OpenID Connect Core 2). */
export interface AuthenticationContext {
  readonly acr?: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime?: number;
}

/** A session, as far as it remembers proof. */
export interface ProvedSession {
  readonly subject: string;
  readonly issuer: string | null;
  readonly acr: string | null;
  readonly amr: readonly string[] | null;
  readonly authTime: Date | null;
}

/** Whose proof it would be: the subject's name, and the issuer's whose name that is; `null` for ours. */
export function provedSubject({
  subject,
  user,
  client,
}: Pick<Delegated, 'subject' | 'user' | 'client'>): { sub: string; issuer: string | null } {
  if (user !== null) return { sub: user.sub, issuer: user.issuer };
  return { sub: subject?.sub ?? client.id, issuer: subject?.subIss ?? null };
}

/**
 * What is known of the subject: what its token says, or what its session remembers, whichever is newer.
 *
 * @param session that of the request, if it has one
 */
export function knownProof(
  request: Pick<Delegated, 'subject' | 'user' | 'client'>,
  session: ProvedSession | null,
): AuthenticationContext | null {
  const { sub, issuer } = provedSubject(request);
  const told = toldProof(request);
  // Proof is somebody's: that of a session is good for no other subject than its own.
  if (session === null || session.subject !== sub || session.issuer !== issuer) return told;
  const { acr, amr, authTime } = session;
  if (acr === null && authTime === null) return told;
  const remembered: AuthenticationContext = {
    ...(acr === null ? {} : { acr }),
    amr: amr ?? [],
    ...(authTime === null ? {} : { authTime: Math.floor(authTime.getTime() / 1_000) }),
  };
  return (told?.authTime ?? 0) > (remembered.authTime ?? 0) ? told : remembered;
}

/** What the subject's token says. */
export function toldProof({
  subject,
  user,
}: Pick<Delegated, 'subject' | 'user'>): AuthenticationContext | null {
  const told = user?.authentication ?? subject;
  if (told?.acr === undefined && told?.authTime === undefined) return null;
  const { acr, amr, authTime } = told;
  return {
    ...(acr === undefined ? {} : { acr }),
    amr: amr ?? [],
    ...(authTime === undefined ? {} : { authTime }),
  };
}

/** What a mandate says of it. */
export function proofClaims(
  proof: AuthenticationContext | null,
): Readonly<Record<string, unknown>> {
  if (proof === null) return {};
  const { acr, amr, authTime } = proof;
  return {
    ...(acr === undefined ? {} : { acr }),
    ...(amr.length === 0 ? {} : { amr }),
    ...(authTime === undefined ? {} : { auth_time: authTime }),
  };
}
