import { Secret, TOTP } from 'otpauth';

/** The parameters of authenticator apps (RFC 6238 5.2): SHA-1, six digits, 30 seconds. */
const PARAMETERS = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
/** Steps before and after the current one whose codes are good, too: clocks differ, and people type. */
const WINDOW = 1;

/**
 * The step that a code is of (RFC 6238 4.2).
 *
 * @param key the secret, as bytes
 * @param now milliseconds since the epoch
 * @returns `null` if it is the code of no step near `now`
 */
export function stepOfCode(key: Uint8Array, code: string, now: number): number | null {
  if (!/^[0-9]{6}$/.test(code)) return null;
  const delta = TOTP.validate({
    ...PARAMETERS,
    secret: secretOf(key),
    token: code,
    timestamp: now,
    window: WINDOW,
  });
  return delta === null ? null : Math.floor(now / 1_000 / PARAMETERS.period) + delta;
}

/**
 * The code that an app shows in a step (RFC 6238 4.2).
 *
 * @param key the secret, as bytes
 */
export function codeOfStep(key: Uint8Array, step: number): string {
  const timestamp = step * PARAMETERS.period * 1_000;
  return TOTP.generate({ ...PARAMETERS, secret: secretOf(key), timestamp });
}

/**
 * The latest code that is good now and was not used.
 *
 * @param lastStep the latest step whose code was used
 * @param now milliseconds since the epoch
 * @returns `null` if all that are good now have been used
 */
export function unusedCode(key: Uint8Array, lastStep: number | null, now: number): string | null {
  const latest = Math.floor(now / 1_000 / PARAMETERS.period) + WINDOW;
  return lastStep !== null && lastStep >= latest ? null : codeOfStep(key, latest);
}

/** A TOTP key as people and apps take it. */
export interface TotpKey {
  /** Base32 (RFC 4648 6), to be typed. */
  readonly secret: string;
  /** `otpauth://…`, to be scanned. */
  readonly uri: string;
}

/**
 * Formats a key.
 *
 * @param account the name that the app shows
 * @param organisation whose key it is, which the app shows above that; `null` where that was not said
 */
export function totpKey(key: Uint8Array, account: string, organisation: string | null): TotpKey {
  const secret = secretOf(key);
  const issuer = issuerOf(organisation);
  const totp = new TOTP({ ...PARAMETERS, issuer, label: account, secret });
  return { secret: secret.base32, uri: totp.toString() };
}

/** Characters of an organisation that an app is told: it is in the URI twice, which has to fit into a QR code. */
const MAX_ISSUER = 40;

/** An organisation as the issuer of a key. It has no colon, which ends it in the label (Key URI Format of Google). */
function issuerOf(organisation: string | null): string {
  const [...characters] = (organisation ?? '').replaceAll(':', ' ').replace(/ {2,}/g, ' ');
  return characters.slice(0, MAX_ISSUER).join('').trim() || 'Mandate';
}

function secretOf(key: Uint8Array): Secret {
  return new Secret({ buffer: Uint8Array.from(key).buffer });
}
