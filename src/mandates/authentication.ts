import { isJsonArray, type JsonObject, type JsonValue } from '../oauth/strict-json.js';

/** How and when a user was authenticated: `acr`, `amr` and `auth_time` (OpenID Connect Core 2). */
export interface Authentication {
  readonly acr?: string;
  /** At least one method, each once. */
  readonly amr?: readonly string[];
  /** Whole seconds since the epoch, at least 1. */
  readonly authTime?: number;
}

/**
 * Reads how a user was authenticated, from a mandate or from the token of another issuer. It is one reader for
 * both, so that whatever is taken in can be read again once it stands in a mandate.
 *
 * Issuers say the same in several ways: no methods as an empty list, a method twice, a time with a fraction
 * (RFC 7519 2). What is returned says it in one.
 *
 * @returns `null` if one of the claims is malformed
 */
export function readAuthentication({
  acr,
  amr,
  auth_time: authTime,
}: JsonObject): Authentication | null {
  if (acr !== undefined && !isLine(acr)) return null;
  const methods = amr === undefined ? [] : readMethods(amr);
  if (methods === null) return null;
  const time = authTime === undefined ? undefined : readWholeSeconds(authTime);
  if (time === null) return null;
  return {
    ...(acr === undefined ? {} : { acr }),
    ...(methods.length === 0 ? {} : { amr: methods }),
    ...(time === undefined ? {} : { authTime: time }),
  };
}

function readMethods(amr: JsonValue): readonly string[] | null {
  if (!isJsonArray(amr)) return null;
  const methods = amr.filter(isLine);
  return methods.length === amr.length ? [...new Set(methods)] : null;
}

function readWholeSeconds(value: JsonValue): number | null {
  if (typeof value !== 'number') return null;
  const seconds = Math.floor(value);
  return Number.isSafeInteger(seconds) && seconds >= 1 ? seconds : null;
}

const LINE = /^[^\p{Cc}\p{Cs}\uFFFD]{1,200}$/u;

/** Whether a value is one line of text that can be stored and read back unchanged. */
export function isLine(value: JsonValue): value is string {
  return typeof value === 'string' && LINE.test(value);
}
