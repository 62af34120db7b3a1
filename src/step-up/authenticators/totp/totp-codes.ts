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

/** Formats a key. @param account the name that the app shows */
export function totpKey(key: Uint8Array, account: string): TotpKey {
  const secret = secretOf(key);
  const totp = new TOTP({ ...PARAMETERS, issuer: 'Mandate', label: account, secret });
  return { secret: secret.base32, uri: totp.toString() };
}

function secretOf(key: Uint8Array): Secret {
  return new Secret({ buffer: Uint8Array.from(key).buffer });
}
