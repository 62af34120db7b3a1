import type { Delegated } from './delegate.js';

/**
 * How and when the subject was authenticated: `acr`, `amr` and `auth_time` (OpenID Connect Core 2,
 * RFC 9470 6.2).
 */
export interface AuthenticationContext {
  readonly acr?: string;
  readonly amr: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime?: number;
}

/** The authentication context that a session remembers, and its subject's. */
export interface SessionContext {
  readonly subject: string;
  readonly issuer: string | null;
  readonly acr: string | null;
  readonly amr: readonly string[] | null;
  readonly authTime: Date | null;
}

/** What says who the subject of a request is. */
interface OfSubject {
  readonly principals: Pick<Delegated['principals'], 'subject' | 'user'>;
  readonly caller: { readonly client: { readonly id: string } };
}

/** The subject of an authentication context: its name, and the issuer that gives it; `null` for a name of ours. */
export function contextSubject({ principals: { subject, user }, caller }: OfSubject): {
  sub: string;
  issuer: string | null;
} {
  if (user !== null) return { sub: user.sub, issuer: user.issuer };
  return { sub: subject?.sub ?? caller.client.id, issuer: subject?.subIss ?? null };
}

/**
 * The newer of two contexts: what the subject's token says, and what its session remembers.
 *
 * @param session that of the request, if it has one
 */
export function knownContext(
  request: OfSubject,
  session: SessionContext | null,
): AuthenticationContext | null {
  const { sub, issuer } = contextSubject(request);
  const stated = tokenContext(request.principals);
  // A context is about one subject: that of a session is good for no other than its own.
  if (session === null || session.subject !== sub || session.issuer !== issuer) return stated;
  const { acr, amr, authTime } = session;
  if (acr === null && authTime === null) return stated;
  const remembered: AuthenticationContext = {
    ...(acr === null ? {} : { acr }),
    amr: amr ?? [],
    ...(authTime === null ? {} : { authTime: Math.floor(authTime.getTime() / 1_000) }),
  };
  return (stated?.authTime ?? 0) > (remembered.authTime ?? 0) ? stated : remembered;
}

/** The context that the subject's token states. */
export function tokenContext({
  subject,
  user,
}: OfSubject['principals']): AuthenticationContext | null {
  const stated = user?.authentication ?? subject;
  if (stated?.acr === undefined && stated?.authTime === undefined) return null;
  const { acr, amr, authTime } = stated;
  return {
    ...(acr === undefined ? {} : { acr }),
    amr: amr ?? [],
    ...(authTime === undefined ? {} : { authTime }),
  };
}

/** The claims of a mandate about a context. */
export function contextClaims(
  context: AuthenticationContext | null,
): Readonly<Record<string, unknown>> {
  if (context === null) return {};
  const { acr, amr, authTime } = context;
  return {
    ...(acr === undefined ? {} : { acr }),
    ...(amr.length === 0 ? {} : { amr }),
    ...(authTime === undefined ? {} : { auth_time: authTime }),
  };
}
