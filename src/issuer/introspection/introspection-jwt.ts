import type { KeyRing } from '../../keys/signing/key-ring.js';
import type { IntrospectionAnswer } from './introspection-answer.js';

/** The media type of an answer that is signed (RFC 9701 5), and without `application/` its `typ`. */
export const INTROSPECTION_JWT = 'application/token-introspection+jwt';
const TYP = 'token-introspection+jwt';

/**
 * Signs an answer for the caller (RFC 9701 5). It can be taken for no mandate: its `typ` is another, and neither
 * `sub`, `exp` nor `use` is a claim of it.
 *
 * @param now milliseconds since the epoch
 * @throws {NoSigningKey} if no key of the zone may sign
 */
export async function signAnswer(
  answer: IntrospectionAnswer,
  { issuer, keys }: { readonly issuer: string; readonly keys: KeyRing },
  clientId: string,
  now: number,
): Promise<string> {
  const claims = {
    iss: issuer,
    aud: clientId,
    iat: Math.floor(now / 1_000),
    token_introspection: answer,
  };
  return (await keys.sign(claims, [], now, TYP)).token;
}
