import { topicOf } from '../../audit/event-topic.js';
import { changedMembers, type ChangedMember } from './changed-members.js';
import { told } from './explain-exchange.js';
import type { Explanation, Remedy } from './explanation.js';
import { isRecord, memberAt, textAt, type RecordedObject } from './recorded.js';

/** Members of an event that say when and by whom, not what. */
const NOT_ABOUT_WHAT: ReadonlySet<string> = new Set([
  'id',
  'zone_id',
  'writer',
  'seq',
  'occurred_at',
  'type',
  'outcome',
  'error',
  'reason',
  'request_id',
  'request_label',
  'trace_id',
  'operator',
  'operator_id',
  'operator_key',
  'operator_mandate',
  'approval_id',
  'approved_by',
  'approved_by_id',
  'review_id',
  'before',
  'after',
]);

type Words = Pick<
  Explanation,
  'summary' | 'asked' | 'stages' | 'narrowed' | 'decisions' | 'result' | 'changes' | 'would_pass'
>;

/**
 * Explains what an operator changed, or anything else that is no token request: who did it, by what key or mandate, with
 * whose approval, and what is different since.
 */
export function explainChange(event: RecordedObject): Words {
  const denied = textAt(event, 'outcome') === 'denied';
  return {
    summary: `${whoIn(event)}: ${textAt(event, 'type') ?? 'something'} (${textAt(event, 'outcome') ?? ''}).`,
    asked: told([
      ['about', topicOf(event)],
      ['operator', textAt(event, 'operator')],
      ['operator id', textAt(event, 'operator_id')],
      ['by key', textAt(event, 'operator_key')],
      ['by mandate', mandateIn(event)],
      ['client', textAt(event, 'client_id')],
      ['person', personIn(event)],
      ['decided by', textAt(event, 'decided_by')],
      ['approval', textAt(event, 'approval_id')],
      ['approved by', textAt(event, 'approved_by')],
      ['to be reviewed', textAt(event, 'review_id')],
      ['reason', textAt(event, 'reason')],
    ]),
    stages: [],
    narrowed: [],
    decisions: [],
    result: [],
    changes: changesIn(event),
    would_pass: denied ? [remedyFor(event)] : [],
  };
}

function whoIn(event: RecordedObject): string {
  const operator = textAt(event, 'operator');
  if (operator !== null) return `The operator ${operator}`;
  const client = textAt(event, 'client_id');
  if (client !== null) return `The client ${client}`;
  const decider = textAt(event, 'decided_by');
  return decider ?? 'Somebody';
}

function mandateIn(event: RecordedObject): string | null {
  const jti = textAt(event, 'operator_mandate', 'jti');
  if (jti === null) return null;
  const zone = textAt(event, 'operator_mandate', 'zone_id');
  return `${jti} of the control zone ${zone ?? ''}`;
}

function personIn(event: RecordedObject): string | null {
  const sub = textAt(event, 'person', 'sub');
  const issuer = textAt(event, 'person', 'iss');
  return issuer === null || sub === null ? sub : `${sub} of ${issuer}`;
}

/** What is different since: of a change from before to after, of what was made or taken away, all that is recorded of it. */
function changesIn(event: RecordedObject): ChangedMember[] {
  const hasBoth = Object.hasOwn(event, 'before') || Object.hasOwn(event, 'after');
  const changed = hasBoth
    ? changedMembers(memberAt(event, 'before'), memberAt(event, 'after'))
    : [];
  const about = Object.fromEntries(
    Object.entries(event).filter(([name]) => !NOT_ABOUT_WHAT.has(name)),
  );
  const isGone = /\.(deleted|removed|revoked|ended|withdrawn)$/.test(textAt(event, 'type') ?? '');
  // What it is about is said beside: of a change from one thing to another it is in both already.
  const beside = hasBoth
    ? Object.fromEntries(Object.entries(about).filter(([, value]) => !isRecord(value)))
    : about;
  const also = isGone ? changedMembers(beside, {}) : changedMembers({}, beside);
  return [...changed, ...also];
}

function remedyFor(event: RecordedObject): Remedy {
  const lacks = textAt(event, 'lacks');
  if (lacks !== null) {
    return { of: 'caller', tried: false, text: `An operator who has ${lacks}.` };
  }
  const reason = textAt(event, 'reason');
  return {
    of: 'unknown',
    tried: false,
    text:
      reason === null
        ? 'It cannot be told from what is recorded what would have let it pass.'
        : `It was refused because of this: ${reason}.`,
  };
}
