import { jsonOfText, withJson } from '../../ledger/event-text.js';
import type { Verdict } from '../../policy/engine/evaluate.js';
import { canonicalText, inputSha256 } from '../../policy/engine/input-text.js';
import type { Decision, PolicyDecisions } from '../stages/ask-policy.js';

/** What is recorded of a verdict, and its JSON. */
interface RecordedVerdict {
  readonly members: object;
  readonly json: string;
}

/** The most characters of a verdict that are kept with it, which is remembered itself. */
const MAX_KEPT = 1_024;

const kept = new WeakMap<Verdict, RecordedVerdict>();

/**
 * The decisions of policy as an event has them. Of each, all but the input is the same whenever it is remembered, and the
 * text of the input is there already for its hash: so the JSON of all is put together, and kept on what is returned.
 */
export function recordedDecisions({ setVersionId, manifestSha256, decisions }: PolicyDecisions) {
  const recorded = decisions.map(recordedDecision);
  const policy = {
    policy_set_version_id: setVersionId,
    manifest_sha256: manifestSha256,
    decisions: recorded.map(({ decision }) => decision),
  };
  const head = `{"policy_set_version_id":${jsonOfText(setVersionId)},"manifest_sha256":${jsonOfText(manifestSha256)}`;
  return withJson(policy, `${head},"decisions":[${recorded.map(({ json }) => json).join()}]}`);
}

function recordedDecision({ resource: { identifier: resource }, input, verdict }: Decision) {
  const { members, json } = recordedVerdict(verdict);
  const sha256 = inputSha256(input);
  const inputJson = canonicalText(input) ?? JSON.stringify(input);
  const head = `{"resource":${jsonOfText(resource)},"input":${inputJson},"input_sha256":"${sha256}"`;
  return {
    decision: { resource, input, input_sha256: sha256, ...members },
    json: `${head},${json.slice(1)}`,
  };
}

function recordedVerdict(verdict: Verdict): RecordedVerdict {
  const known = kept.get(verdict);
  if (known !== undefined) return known;
  const members = {
    decision: verdict.decision,
    evaluation_status: verdict.evaluationStatus,
    determining_policies: verdict.determiningPolicies,
    diagnostics: verdict.diagnostics,
    ...(verdict.stepUp === undefined ? {} : { step_up_required: verdict.stepUp }),
    ...(verdict.maxTtlSeconds === undefined ? {} : { max_ttl_seconds: verdict.maxTtlSeconds }),
  };
  const recorded = { members, json: JSON.stringify(members) };
  if (recorded.json.length <= MAX_KEPT) kept.set(verdict, recorded);
  return recorded;
}
