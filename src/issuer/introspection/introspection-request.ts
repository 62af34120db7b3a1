import { MAX_TOKEN_LENGTH } from '../../oauth/compact-jws.js';
import { OAuthError } from '../../oauth/errors.js';
import { single, type Form } from '../../oauth/form.js';
import { isJsonArray, type JsonObject } from '../../oauth/strict-json.js';

/** The tokens that are asked about. */
export interface AskedTokens {
  readonly tokens: readonly string[];
  /** Whether they came as a list, and are answered as one. */
  readonly isBatch: boolean;
}

/** The most tokens of a batch. */
export const MAX_BATCH = 100;

/** So many tokens of a batch count as one request. */
const TOKENS_PER_UNIT = 10;

/**
 * Reads what is asked about: `token` of the form (RFC 7662 2.1), or `tokens` of a JSON body. `token_type_hint` says where
 * to look first, and there is one place to look.
 *
 * @throws {OAuthError} invalid_request
 */
export function readTokens({
  form,
  json,
}: {
  readonly form: Form;
  readonly json: JsonObject | null;
}): AskedTokens {
  if (json === null) {
    const token = single(form, 'token');
    if (token === null) throw malformed('token is required');
    return { tokens: [token], isBatch: false };
  }
  const { tokens } = json;
  if (tokens === undefined || !isJsonArray(tokens)) throw malformed('tokens must be a list');
  const texts = tokens.filter((token) => typeof token === 'string');
  if (texts.length !== tokens.length) throw malformed('tokens must be strings');
  if (texts.length === 0 || texts.length > MAX_BATCH) {
    throw malformed(`there must be 1 to ${MAX_BATCH} tokens`);
  }
  return { tokens: texts, isBatch: true };
}

/**
 * How many requests a request counts as against the limits of its client: one for ten tokens, and for as much text as the
 * longest token has, since that takes as long to read. What is longer than a token is not read.
 */
export function unitsOf({ tokens }: AskedTokens): number {
  const read = tokens.filter(({ length }) => length <= MAX_TOKEN_LENGTH);
  const characters = read.reduce((sum, { length }) => sum + length, 0);
  return Math.max(
    Math.ceil(tokens.length / TOKENS_PER_UNIT),
    Math.ceil(characters / MAX_TOKEN_LENGTH),
  );
}

function malformed(description: string): OAuthError {
  return new OAuthError('invalid_request', description);
}
