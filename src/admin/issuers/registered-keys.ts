import { UnprocessableEntityException } from '@nestjs/common';
import { readFetchUrl, type FetchRules } from '../../platform/outbound/fetch-rules.js';
import { readRegisteredJwks, type PublicJwks } from '../../zones/issuers/jwks.js';
import { InvalidKeySet } from '../../zones/issuers/jwk.js';
import type { JsonObject } from '../../oauth/strict-json.js';

/** Public keys as they are registered: themselves, or where they are published. */
export interface RegisteredKeys {
  readonly jwks: PublicJwks | null;
  readonly jwksUri: string | null;
}

/** The two in a body. */
export interface KeysBody {
  readonly jwks?: JsonObject;
  readonly jwks_uri?: string;
}

/** What this process may fetch, as the environment has it. */
export interface FetchEnv {
  readonly allowInsecureFetch: boolean;
  readonly allowPrivateFetch: boolean;
}

/** The same in the words of the fetch. */
export function fetchRulesOf({ allowInsecureFetch, allowPrivateFetch }: FetchEnv): FetchRules {
  return { allowInsecure: allowInsecureFetch, allowPrivate: allowPrivateFetch };
}

/**
 * Reads how public keys are registered.
 *
 * @returns `null` if they are not
 * @throws {UnprocessableEntityException} for keys that we would not use, and for more than one way
 */
export function readKeys(
  { jwks, jwks_uri: uri }: KeysBody,
  rules: FetchRules,
): RegisteredKeys | null {
  if (jwks !== undefined && uri !== undefined) {
    throw new UnprocessableEntityException('either jwks or jwks_uri');
  }
  if (jwks !== undefined) return { jwks: registration(jwks), jwksUri: null };
  if (uri === undefined) return null;
  const url = readFetchUrl(uri, rules);
  if (typeof url === 'string') throw new UnprocessableEntityException(`jwks_uri: ${url}`);
  return { jwks: null, jwksUri: uri };
}

function registration(jwks: JsonObject): PublicJwks {
  try {
    return readRegisteredJwks(jwks);
  } catch (error) {
    if (!(error instanceof InvalidKeySet)) throw error;
    throw new UnprocessableEntityException(`jwks: ${error.message}`);
  }
}
