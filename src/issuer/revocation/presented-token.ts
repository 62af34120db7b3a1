import { LEEWAY } from '../../keys/rotation/key-schedule.js';
import type { SignatureCheck, VerificationKey } from '../../mandates/verify-mandate.js';
import { readCompactJws, type ParsedJws } from '../../oauth/compact-jws.js';
import type { JsonValue } from '../../oauth/strict-json.js';
import { isUuid, MANDATE_TYPS } from '../../oauth/vocabulary.js';

/** A mandate of the zone, as far as it matters to who takes it back. */
export interface PresentedMandate {
  readonly kind: 'mandate';
  readonly jti: string;
  /** The client that it was issued to. */
  readonly clientId: string;
  readonly sid: string;
  readonly rootSid: string;
  readonly use: 'session' | 'resource';
  /** Seconds since the epoch. */
  readonly exp: number;
}

/**
 * A token that was presented to be revoked: a mandate of the zone; something else that the zone has signed; or nothing of
 * which the zone knows, which is what malformed, foreign, forged and long expired tokens have in common.
 */
export type PresentedToken =
  PresentedMandate | { readonly kind: 'no mandate' } | { readonly kind: 'nothing' };

/** By what a presented token is verified. */
export interface PresentedTo {
  readonly zoneId: string;
  /** Seconds since the epoch. */
  readonly now: number;
  /** The key that the zone has published under `kid`, `null` if there is none. */
  findKey(kid: string): VerificationKey | null;
  readonly verified: SignatureCheck;
}

/**
 * Seconds after its end for which a mandate is taken back all the same: verifiers may honour it for a while (leeway), and
 * our clock may be ahead of another's.
 */
const TAKEN_AFTER_END = LEEWAY + 30;

const NOTHING = { kind: 'nothing' } as const;

/**
 * Finds out what a presented token is. No claim is looked at before the signature is verified. Of what the zone itself has
 * signed, neither the issuer nor the moment matters: who gives authority up need not show that it would be honoured.
 */
export async function presentedToken(token: string, to: PresentedTo): Promise<PresentedToken> {
  const jws = readCompactJws(token);
  if (jws === null || jws.header.kid === null) return NOTHING;
  const key = to.findKey(jws.header.kid);
  if (key === null || key.alg !== jws.header.alg) return NOTHING;
  if (!(await to.verified.isSignedBy(key.publicKey, token, jws))) return NOTHING;
  const mandate = mandateIn(jws, to.zoneId);
  if (mandate === null) return { kind: 'no mandate' };
  return mandate.exp + TAKEN_AFTER_END > to.now ? mandate : NOTHING;
}

/** The mandate that was signed, if it is one: `typ` alone does not tell, as some have the `JWT` of everything else. */
function mandateIn({ header, claims }: ParsedJws, zoneId: string): PresentedMandate | null {
  if (!MANDATE_TYPS.some((typ) => typ === header.typ) || claims['zone_id'] !== zoneId) return null;
  const { use, exp } = claims;
  const jti = uuidIn(claims['jti']);
  const clientId = uuidIn(claims['client_id']);
  const sid = uuidIn(claims['sid']);
  const rootSid = uuidIn(claims['root_sid']);
  if (use !== 'session' && use !== 'resource') return null;
  if (typeof exp !== 'number' || jti === null || clientId === null) return null;
  if (sid === null || rootSid === null) return null;
  return { kind: 'mandate', jti, clientId, sid, rootSid, use, exp };
}

function uuidIn(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && isUuid(value) ? value : null;
}
