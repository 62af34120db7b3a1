import { isRecord, memberAt, recordsAt, textAt, type RecordedObject } from './recorded.js';

/** The stages of a token request that explanations tell apart, in their order (docs/exchange.md). */
export const STAGES = [
  'parse',
  'authenticate',
  'resolve',
  'bind',
  'delegate',
  'target',
  'authorize',
  'clear',
  'mint',
  'record',
] as const;

/** One of {@link STAGES}. */
export type StageName = (typeof STAGES)[number];

/** A reason that only one stage gives. The reasons are recorded words, so that those of versions before are known as well. */
const BY_REASON: readonly (readonly [reason: RegExp, stage: StageName])[] = [
  [/^(no policy set is active|policy: |denied for |undeclared operation|no scope )/, 'authorize'],
  [/^(not confirmed for |policy demands |step-up |too many pending challenges)/, 'clear'],
  [/\bchallenge\b|^the subject has not shown|acr_values can|^max_age cannot/, 'clear'],
  [/^no resource, /, 'target'],
  [/^(unknown resource|resource is for gateways only|beyond the |a system resource)/, 'authorize'],
  [/^scope beyond the subject token/, 'authorize'],
  [
    /^a mandate for the issuer|mandate would be too large|^ttl_seconds is more|has expired$/,
    'mint',
  ],
  [/^the mandate cannot be read back|no signing key/, 'mint'],
  [/its subject was taken back$|: revoked$|: an ancestor is revoked$/, 'record'],
  [/ is not alive$|, or (one|something) above it, has ended$|budget of the delegation/, 'record'],
  [/was used before$|clock differs/, 'record'],
  [/^(subject_token|actor_token): /, 'resolve'],
  [/^(unknown session|session of another )/, 'bind'],
  [/agent session|delegation/, 'delegate'],
];

/**
 * The stage that ended a token request that was not granted, as far as its event says that.
 *
 * @returns `null` if that cannot be told
 */
export function endedAt(event: RecordedObject): StageName | null {
  const error = textAt(event, 'error') ?? '';
  const reason = textAt(event, 'reason') ?? '';
  if (error === 'interaction_required') return 'clear';
  if (textAt(event, 'client_id') === null) return beforeAuthentication(event, error);
  const [, stage = null] = BY_REASON.find(([words]) => words.test(reason)) ?? [];
  if (stage !== null) return stage;
  return recordsAt(event, 'policy', 'decisions').some(isDenied) ? 'authorize' : null;
}

function beforeAuthentication(event: RecordedObject, error: string): StageName | null {
  if (error === 'invalid_client') return 'authenticate';
  if (isRecord(memberAt(event, 'claimed_identity'))) return 'authenticate';
  return error === 'unsupported_grant_type' ? 'parse' : null;
}

function isDenied(decision: RecordedObject): boolean {
  return textAt(decision, 'decision') === 'deny';
}

/** The last stage that an event shows to have been passed, by what only that stage finds out; `null` if none. */
export function surelyPassed(event: RecordedObject): StageName | null {
  if (isRecord(memberAt(event, 'policy')) && recordsAt(event, 'policy', 'decisions').length > 0) {
    return 'target';
  }
  if (isRecord(memberAt(event, 'subject')) || isRecord(memberAt(event, 'actor'))) return 'resolve';
  return textAt(event, 'client_id') === null ? null : 'authenticate';
}
