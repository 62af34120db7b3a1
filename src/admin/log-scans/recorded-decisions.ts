import { isUuid } from '../../oauth/vocabulary.js';
import type { PolicyInput } from '../../policy/engine/input.js';
import type { PolicyOutcome } from '../../policy/engine/outcome.js';
import {
  isRecord,
  memberAt,
  numberAt,
  recordsAt,
  textAt,
  type RecordedObject,
} from '../explanations/recorded.js';

/** A decision as it was recorded. */
export interface RecordedDecision {
  readonly clientId: string;
  readonly requestId: string;
  readonly resource: string;
  /** Of the policies that made it. */
  readonly manifestSha256: string;
  readonly outcome: PolicyOutcome;
  readonly input: PolicyInput;
  /** The delegations that it rests on: that which was used, and, of a mandate, those above it. */
  readonly delegations: readonly string[];
}

/** What an event has of policy. */
export type RecordedPolicy =
  | { readonly asked: 'not' | 'unusable' }
  | {
      readonly asked: 'yes';
      readonly decisions: readonly RecordedDecision[];
      /** Decisions of which the input was not recorded, or in a form that is not known. */
      readonly unknown: number;
    };

/**
 * Reads the decisions out of the event of a token request. What is not as this version records it is not guessed.
 *
 * @param text as it was recorded: JSON
 */
export function readDecisions(text: string): RecordedPolicy {
  const event = parse(text);
  if (!isRecord(event)) return { asked: 'yes', decisions: [], unknown: 1 };
  if (memberAt(event, 'policy') === undefined) return { asked: 'not' };
  if (memberAt(event, 'policy', 'decisions') === undefined) return { asked: 'unusable' };
  const policy = memberAt(event, 'policy');
  const recorded = isRecord(policy) ? recordsAt(policy, 'decisions') : [];
  const about = {
    clientId: textAt(event, 'client_id') ?? '',
    requestId: textAt(event, 'request_id') ?? '',
    manifestSha256: textAt(event, 'policy', 'manifest_sha256') ?? '',
  };
  const path = memberAt(event, 'mandate', 'delegation_path');
  const isKnown = isUuid(about.clientId) && about.requestId !== '';
  const decisions = recorded.flatMap((decision): RecordedDecision[] => {
    const resource = textAt(decision, 'resource');
    const outcome = outcomeIn(decision);
    const input = inputIn(decision);
    if (!isKnown || resource === null || outcome === null || input === null) return [];
    const delegations = delegationsIn(path, input);
    return [{ ...about, resource, outcome, input, delegations }];
  });
  return { asked: 'yes', decisions, unknown: recorded.length - decisions.length };
}

function delegationsIn(path: unknown, { delegation_edge: edge }: PolicyInput): string[] {
  const ids: unknown[] = [...(Array.isArray(path) ? path : []), edge?.id];
  return [...new Set(ids.filter((id): id is string => typeof id === 'string' && isUuid(id)))];
}

/** @returns `null` for what is no JSON, as an event can be that somebody has changed */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function outcomeIn(decision: RecordedObject): PolicyOutcome | null {
  const said = textAt(decision, 'decision');
  if (said !== 'allow' && said !== 'deny' && said !== 'step_up') return null;
  return {
    decision: said,
    failed: textAt(decision, 'evaluation_status') === 'error',
    stepUp: textAt(decision, 'step_up_required'),
    maxTtlSeconds: numberAt(decision, 'max_ttl_seconds'),
  };
}

/** The input, if it has all that one of this version has at least. */
function inputIn(decision: RecordedObject): PolicyInput | null {
  const input = memberAt(decision, 'input');
  return isInput(input) ? input : null;
}

function isInput(input: unknown): input is PolicyInput {
  return (
    isRecord(input) &&
    textAt(input, 'schema_version') === '1' &&
    textAt(input, 'principal', 'id') !== null &&
    textAt(input, 'resource', 'identifier') !== null &&
    textAt(input, 'action', 'id') === 'TokenExchange' &&
    isRecord(memberAt(input, 'context'))
  );
}
