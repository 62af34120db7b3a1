import type { KeyRing } from '../../keys/signing/key-ring.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { IntrospectionAnswer } from './introspection-answer.js';

/** The media type of an answer that is signed (RFC 9701 5), and without `application/` its `typ`. */
export const INTROSPECTION_JWT = 'application/token-introspection+jwt';
const TYP = 'token-introspection+jwt';

/**
 * Signs an answer for the caller (RFC 9701 5). It can be taken for no mandate: its `typ` is another, and neither
 * `sub`, `exp` nor `use` is a claim of it.
 *
 * @param client asks, and may have registered with which algorithm
 * @param now milliseconds since the epoch
 * @throws {NoSigningKey} if no key of the zone may sign
 */
export async function signAnswer(
  answer: IntrospectionAnswer,
  { issuer, keys }: { readonly issuer: string; readonly keys: KeyRing },
  client: { readonly id: string; readonly introspectionAlg: ZoneAlg | null },
  now: number,
): Promise<string> {
  const claims = {
    iss: issuer,
    aud: client.id,
    iat: Math.floor(now / 1_000),
    token_introspection: answer,
  };
  return (await keys.sign(claims, [client.introspectionAlg], now, TYP)).token;
}
