import type { ExplainedDecision, ExplainedStage } from './explanation.js';
import { endedAt, STAGES, surelyPassed, type StageName } from './ended-at.js';
import { isRecord, memberAt, recordsAt, textAt, type RecordedObject } from './recorded.js';

/** What each stage does, for people, where nothing more is known of it. */
const WHAT: Readonly<Record<StageName, string>> = {
  parse: 'the request was read',
  authenticate: 'the client proved who it is',
  resolve: 'the tokens that it brought were verified',
  bind: 'it was bound to a session',
  delegate: 'the agent session and its delegation were found',
  target: 'it was found what the request is for',
  authorize: 'scope and resources were narrowed to what all allow, and policy was asked',
  clear: 'nothing was left to be confirmed',
  mint: 'the mandate was signed',
  record: 'all that it rests on still held when it was recorded',
};

/** What each stage would have done, of one that was not reached. */
const WOULD: Readonly<Record<StageName, string>> = {
  parse: 'reads the request',
  authenticate: 'has the client prove who it is',
  resolve: 'verifies the tokens',
  bind: 'binds the request to a session',
  delegate: 'finds the agent session and its delegation',
  target: 'finds what the request is for',
  authorize: 'asks policy',
  clear: 'looks whether something has to be confirmed',
  mint: 'signs the mandate',
  record: 'checks once more all that it rests on, and records it',
};

/**
 * The way that a token request went.
 *
 * @param decisions what policy said, explained
 */
export function exchangeStages(
  event: RecordedObject,
  decisions: readonly ExplainedDecision[],
): ExplainedStage[] {
  if (textAt(event, 'outcome') === 'issued') {
    return STAGES.map((stage) => passed(stage, event, decisions));
  }
  const ended = endedAt(event);
  const end = ended ?? surelyPassed(event);
  // Where the end is not known, what was surely passed is told, and nothing of the others.
  const at = end === null ? -1 : STAGES.indexOf(end);
  return STAGES.map((stage, n): ExplainedStage => {
    if (n < at || (n === at && ended === null)) return passed(stage, event, decisions);
    if (ended === null) return { stage, state: 'unknown', text: 'what is recorded does not say' };
    if (n > at) return { stage, state: 'not_reached', text: WOULD[stage] };
    return { stage, state: 'refused', text: whyNot(event, decisions) };
  });
}

function passed(
  stage: StageName,
  event: RecordedObject,
  decisions: readonly ExplainedDecision[],
): ExplainedStage {
  if (notNeeded(stage, event)) return { stage, state: 'not_needed', text: NOT_NEEDED[stage] ?? '' };
  return { stage, state: 'passed', text: detailOf(stage, event, decisions) ?? WHAT[stage] };
}

const NOT_NEEDED: Partial<Readonly<Record<StageName, string>>> = {
  resolve: 'it brought no token: the client asked for itself',
  delegate: 'no agent session was named, or found',
  clear: 'nothing had to be confirmed',
};

function notNeeded(stage: StageName, event: RecordedObject): boolean {
  if (stage === 'resolve') {
    return !isRecord(memberAt(event, 'subject')) && !isRecord(memberAt(event, 'actor'));
  }
  if (stage === 'delegate') return textAt(event, 'requested', 'agent_session_id') === null;
  return stage === 'clear' && !isRecord(memberAt(event, 'challenge')) && !wasStepUp(event);
}

/** Whether policy demanded a confirmation, which the subject had shown enough for already. */
function wasStepUp(event: RecordedObject): boolean {
  return recordsAt(event, 'policy', 'decisions').some(
    (decision) => memberAt(decision, 'input', 'context', 'challenge_resolved') === true,
  );
}

function detailOf(
  stage: StageName,
  event: RecordedObject,
  decisions: readonly ExplainedDecision[],
): string | null {
  if (stage === 'target') {
    const from = textAt(event, 'requested', 'resources_from');
    return from === null ? null : `the request named no resource: ${FROM[from] ?? from}`;
  }
  if (stage === 'authenticate' && memberAt(event, 'through_gateway') === true) {
    return 'a gateway proved who it is, and spoke for the client';
  }
  if (stage === 'authorize' && decisions.length > 0) {
    return `policy permitted it: ${decisions.map(({ text }) => text).join('; ')}`;
  }
  const challenge = textAt(event, 'challenge', 'id');
  if (stage === 'clear') {
    return challenge === null
      ? 'what policy demands had been shown before'
      : `the challenge ${challenge} was confirmed, and is spent`;
  }
  return null;
}

const FROM: Readonly<Record<string, string>> = {
  scope: 'all of its scopes are of one resource of the system',
  client: 'it was taken to be for the default resources of the client',
  zone: 'it was taken to be for the default resources of the zone',
  subject_token: 'it was taken to be for what the subject token is for',
};

function whyNot(event: RecordedObject, decisions: readonly ExplainedDecision[]): string {
  const error = textAt(event, 'error') ?? 'refused';
  const reason = textAt(event, 'reason') ?? 'no reason is recorded';
  const denied = decisions.filter(({ decision }) => decision !== 'allow');
  const said = denied.map(({ text }) => text).join('; ');
  return `${error}: ${reason}${said === '' ? '' : `; ${said}`}`;
}
