import type { ExplainedDecision, Remedy } from './explanation.js';
import { endedAt } from './ended-at.js';
import type { KnownNow } from './known-now.js';
import { textAt, textsAt, type RecordedObject } from './recorded.js';
import { ofReason, ofTarget } from './remedies-by-reason.js';

/**
 * What would have let a token request pass that was not granted.
 *
 * @returns at least one remedy: the last resort says that it cannot be told
 */
export function remediesFor(
  event: RecordedObject,
  decisions: readonly ExplainedDecision[],
  now: KnownNow,
): Remedy[] {
  const found = [
    ...ofScope(event, now),
    ...ofTarget(event, now),
    ...ofPolicy(event, decisions, now),
    ...ofChallenge(event, now),
    ...ofReason(event, now),
  ];
  if (found.length > 0) return found;
  return [
    {
      of: 'unknown',
      tried: false,
      text: 'It cannot be told from what is recorded what would have let it pass.',
    },
  ];
}

/** Each scope that something did not have. */
function ofScope(event: RecordedObject, now: KnownNow): Remedy[] {
  if (textAt(event, 'error') !== 'invalid_scope') return [];
  const asked = textsAt(event, 'requested', 'scope') ?? [];
  const beyond = (has: readonly string[]): string =>
    asked.filter((scope) => !has.includes(scope)).join(' ');
  const remedies: Remedy[] = [];
  const lacks = (of: Remedy['of'], scopes: string, text: string): void => {
    if (scopes !== '') remedies.push({ of, tried: false, text });
  };
  for (const [identifier, { scopes }] of now.resources) {
    const more = beyond(scopes);
    lacks(
      'resource',
      more,
      `Give the resource ${identifier} the scope ${more}, or do not ask for it.`,
    );
  }
  const { client, subject, delegated } = now;
  if (client?.scopes) {
    const more = beyond(client.scopes);
    lacks('client', more, `Let the client "${client.name}" have the scope ${more} (its scopes).`);
  }
  if (subject !== null) {
    const more = beyond(subject.scopes);
    lacks(
      'caller',
      more,
      `Bring a subject token that has the scope ${more}: this one has not, and an exchange only narrows.`,
    );
  }
  if (delegated !== null) {
    const more = beyond(delegated);
    lacks(
      'caller',
      more,
      `Have the scope ${more} delegated as well: the delegation does not have it.`,
    );
  }
  if (remedies.length === 0) {
    const text =
      'Ask for no more than the subject token, the delegation, each resource and the client have in common: which of them lacks a scope cannot be told, as all that is still known has them now.';
    remedies.push({ of: 'unknown', tried: false, text });
  }
  return remedies;
}

function ofPolicy(
  event: RecordedObject,
  decisions: readonly ExplainedDecision[],
  now: KnownNow,
): Remedy[] {
  const reason = textAt(event, 'reason') ?? '';
  if (reason === 'no policy set is active') {
    return [
      { of: 'policy', tried: false, text: 'Activate a policy set in the zone: it has none.' },
    ];
  }
  const denied = decisions.filter(({ decision }) => decision === 'deny');
  if (denied.length === 0) return [];
  const remedies: Remedy[] = now.permitted.map((text) => ({ of: 'request', tried: true, text }));
  const forbids = denied.flatMap(({ determined_by: by }) =>
    by.filter(({ effect }) => effect === 'forbid'),
  );
  if (forbids.length > 0) {
    const names = [...new Set(forbids.map(({ policy }) => policy))].join(', ');
    const text = `What these say must not be so, or they have to be changed: ${names}. A forbid wins over every permit.`;
    remedies.push({ of: 'policy', tried: false, text, policies: forbids });
    return remedies;
  }
  if (now.permits === null) {
    const text = 'A policy that permits it: which ones come near cannot be told any more.';
    return [...remedies, { of: 'policy', tried: false, text }];
  }
  const { shown, inAll } = now.permits;
  const text =
    inAll === 0
      ? 'A policy that permits it: none is about this client and this resource.'
      : `One of the ${inAll} policies that could permit this client this resource, if its condition held${inAll > shown.length ? `; the first ${shown.length} are shown` : ''}; or another one.`;
  return [...remedies, { of: 'policy', tried: false, text, policies: shown }];
}

function ofChallenge(event: RecordedObject, { challenge }: KnownNow): Remedy[] {
  if (endedAt(event) !== 'clear' || challenge === null) return [];
  const { id, type, state, approvals, quorum } = challenge;
  const text = {
    pending: `Have the challenge ${id} (${type}) confirmed, of which there are ${approvals} of ${quorum} confirmations, and send the same request again with its challenge_id and challenge_response.`,
    approved: `The challenge ${id} (${type}) is confirmed by now: send the same request again with its challenge_id and challenge_response.`,
    rejected: `The challenge ${id} (${type}) was rejected: ask again without it, and another one is opened.`,
    expired: `The challenge ${id} (${type}) has expired: ask again without it, and another one is opened.`,
    consumed: `The challenge ${id} (${type}) is spent: ask again without it, and another one is opened.`,
  }[state];
  if (text === undefined) return [];
  return [{ of: 'challenge', tried: false, text }];
}
