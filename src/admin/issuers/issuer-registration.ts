import { UnprocessableEntityException } from '@nestjs/common';
import type {
  ClaimConditions,
  ClaimValue,
  IssuerTokenType,
  TrustedIssuer,
} from '../../zones/issuers/trusted-issuer.js';
import { SIGNING_ALGS, type SigningAlg } from '../../oauth/algorithms.js';
import { isJsonArray, type JsonObject, type JsonValue } from '../../oauth/strict-json.js';
import type { FetchRules } from '../../platform/outbound/fetch-rules.js';
import { readKeys, type KeysBody } from './registered-keys.js';

/** What an issuer is registered with, as it arrives. */
export interface IssuerRegistration extends KeysBody {
  readonly issuer: string;
  readonly audiences?: readonly string[];
  readonly algorithms?: readonly SigningAlg[];
  readonly token_types: readonly IssuerTokenType[];
  readonly claim_conditions?: JsonObject;
  readonly subject_claim?: string;
  readonly label_claims?: readonly string[];
  readonly allowed_client_ids?: readonly string[];
  readonly max_age_seconds?: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

const MAX_CONDITIONS = 20;
const MAX_VALUES = 100;
const MAX_VALUE_LENGTH = 200;

/**
 * Reads what an issuer is registered with.
 *
 * @param rules what its keys may be fetched by
 * @param ours the names of the zone itself as an issuer: its own tokens are mandates, whatever is registered
 * @throws {UnprocessableEntityException}
 */
export function readIssuer(
  body: IssuerRegistration,
  rules: FetchRules,
  ours: readonly string[],
): Writable<Omit<TrustedIssuer, 'generation' | 'notBefore'>> {
  const { issuer, audiences = [], algorithms = SIGNING_ALGS } = body;
  if (ours.includes(issuer)) throw new UnprocessableEntityException('issuer: these are we');
  const keys = readKeys(body, rules);
  if (keys === null) throw new UnprocessableEntityException('either jwks or jwks_uri');
  if (audiences.length === 0 && body.token_types.some((type) => type !== 'client_assertion')) {
    throw new UnprocessableEntityException('subject tokens need audiences');
  }
  const { subject_claim: subjectClaim = 'sub', label_claims: labelClaims = [] } = body;
  if (![subjectClaim, ...labelClaims].every(isClaimName)) {
    throw new UnprocessableEntityException('a claim is neither a name nor a JSON pointer');
  }
  return {
    issuer,
    ...keys,
    audiences: sorted(audiences),
    algorithms: sorted(algorithms),
    tokenTypes: sorted(body.token_types),
    claimConditions: readConditions(body.claim_conditions ?? {}),
    subjectClaim,
    labelClaims: sorted(labelClaims),
    allowedClientIds: sorted((body.allowed_client_ids ?? []).map((id) => id.toLowerCase())),
    maxAgeSeconds: body.max_age_seconds ?? null,
  };
}

/** A pointer escapes `~` and `/` as `~0` and `~1` (RFC 6901 3). */
function isClaimName(name: string): boolean {
  return !name.startsWith('/') || !/~(?![01])/.test(name);
}

function readConditions(conditions: JsonObject): ClaimConditions {
  const entries = Object.entries(conditions);
  const wellFormed = entries.every(
    ([name, values]) =>
      name !== '' &&
      name.length <= MAX_VALUE_LENGTH &&
      isClaimName(name) &&
      isJsonArray(values) &&
      values.length >= 1 &&
      values.length <= MAX_VALUES &&
      values.every(isClaimValue),
  );
  if (!wellFormed || entries.length > MAX_CONDITIONS) {
    throw new UnprocessableEntityException(
      `claim_conditions must have at most ${MAX_CONDITIONS} claims, each with 1 to ${MAX_VALUES} texts, numbers or booleans`,
    );
  }
  return Object.fromEntries(
    entries.map(([name, values]) => [
      name,
      isJsonArray(values) ? values.filter((value) => isClaimValue(value)) : [],
    ]),
  );
}

function isClaimValue(value: JsonValue): value is ClaimValue {
  if (typeof value === 'string') return value.length <= MAX_VALUE_LENGTH;
  return typeof value === 'boolean' || Number.isSafeInteger(value);
}

function sorted<T extends string>(values: readonly T[]): T[] {
  return [...new Set(values)].toSorted();
}
