import { STAGES as STAGES_OF_EVENTS, type Stage } from '../../token-exchange/stage-names.js';
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

/** Where explanations tell of each stage that an event can name: who asks is one of theirs, and what has to be confirmed. */
const TOLD_AT: Readonly<Record<Stage, StageName>> = {
  parse: 'parse',
  identify: 'authenticate',
  authenticate: 'authenticate',
  limit: 'authenticate',
  resolve: 'resolve',
  bind: 'bind',
  delegate: 'delegate',
  target: 'target',
  authorize: 'authorize',
  clear: 'clear',
  hold: 'clear',
  mint: 'mint',
  record: 'record',
};

/** A reason that only one stage gives, for events of versions that did not record the stage. */
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
 * The stage that ended a token request that was not granted: as it is recorded, or, of versions that did not record it, as far
 * as the reason says it.
 *
 * @returns `null` if that cannot be told
 */
export function endedAt(event: RecordedObject): StageName | null {
  const recorded = STAGES_OF_EVENTS.find((stage) => stage === memberAt(event, 'stage'));
  return recorded === undefined ? endedAtByWords(event) : TOLD_AT[recorded];
}

function endedAtByWords(event: RecordedObject): StageName | null {
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
