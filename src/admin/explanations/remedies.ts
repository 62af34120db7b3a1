import type { ExplainedDecision, ExplainedPolicy, Remedy } from './explanation.js';
import { endedAt } from './ended-at.js';
import { textAt, textsAt, type RecordedObject } from './recorded.js';

/** What a zone has of the things that a denied request was about, as it is now; `null` for what is not there. */
export interface KnownNow {
  readonly client: {
    readonly name: string;
    readonly disabled: boolean;
    /** `null`: not limited. */
    readonly scopes: readonly string[] | null;
    readonly audience: readonly string[] | null;
  } | null;
  /** Those that the request is for, by identifier. */
  readonly resources: ReadonlyMap<string, { readonly scopes: readonly string[] }>;
  /** What the mandate that it brought as subject token has, if that was issued here and is recorded. */
  readonly subject: {
    readonly scopes: readonly string[];
    readonly targets: readonly string[];
  } | null;
  /** The scopes of its delegation. */
  readonly delegated: readonly string[] | null;
  /** The challenge that it was held for, or that it brought. */
  readonly challenge: {
    readonly id: string;
    readonly type: string;
    readonly state: string;
    readonly approvals: number;
    readonly quorum: number;
  } | null;
  /** Variations of what policy was asked that it permits, in words. */
  readonly permitted: readonly string[];
  /** Permits that could match what was asked, and how many there are; `null` if that cannot be told. */
  readonly permits: { readonly shown: readonly ExplainedPolicy[]; readonly inAll: number } | null;
}

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

/** What to do about a resource, by the words that are recorded. */
const TARGETS: readonly (readonly [
  reason: RegExp,
  of: Remedy['of'],
  text: (resource: string) => string,
])[] = [
  [
    /^unknown resource: (.*)$/s,
    'resource',
    (r) => `Register the resource ${r} in the zone, or ask for one that it has.`,
  ],
  [
    /^resource is for gateways only: (.*)$/s,
    'resource',
    (r) => `Ask through a gateway, or let ${r} be asked for directly (its access).`,
  ],
  [
    /^beyond the subject token: (.*)$/s,
    'caller',
    (r) => `Bring a subject token that is for ${r}: this one is not, and an exchange only narrows.`,
  ],
  [
    /^beyond the audience of the client: (.*)$/s,
    'client',
    (r) => `Add ${r} to the audience of the client.`,
  ],
  [/^beyond the delegation: (.*)$/s, 'caller', (r) => `Have ${r} delegated as well.`],
  [
    /^a system resource that is not for this client, or not by its own session: (.*)$/s,
    'client',
    (r) => `Let the client itself have ${r}, and ask without a subject token or an agent session.`,
  ],
  [
    /^undeclared operation: (.*)$/s,
    'resource',
    (r) => `Declare the operation at the resource ${r}.`,
  ],
];

function ofTarget(event: RecordedObject, now: KnownNow): Remedy[] {
  const reason = textAt(event, 'reason') ?? '';
  for (const [words, of, text] of TARGETS) {
    const [, resource] = words.exec(reason) ?? [];
    if (resource === undefined) continue;
    const since =
      of === 'resource' && words.test('unknown resource: x') && now.resources.has(resource)
        ? ' The zone has it now: the same request may pass.'
        : '';
    return [{ of, tried: false, text: text(resource) + since }];
  }
  return [];
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

/** What to do about other reasons, by the words that are recorded: whole, as some have names in them that callers choose. */
const REASONS: readonly (readonly [reason: RegExp, of: Remedy['of'], text: string])[] = [
  [/^client is disabled/, 'client', 'Enable the client.'],
  [/^unknown client/, 'caller', 'Name a client that there is.'],
  [/^client of another zone/, 'caller', 'Name the zone of the client, or a client of this zone.'],
  [/^wrong secret/, 'caller', 'Give one of the secrets that the client has now, in full.'],
  [
    /^too many wrong secrets/,
    'caller',
    'Wait, and give one of the secrets that the client has now.',
  ],
  [/^(client_assertion|gateway): /, 'caller', 'Sign the request as the reason says.'],
  [
    /^(client_assertion|gateway_request) was used before$/,
    'caller',
    'Sign each request anew: what is good for one request came twice.',
  ],
  [/^(subject|actor)_token: expired/, 'caller', 'Bring a token that has not expired.'],
  [
    /^(subject|actor)_token: (revoked|an ancestor is revoked|its subject was taken back)/,
    'caller',
    'Bring a token that was not taken back: get a new one.',
  ],
  [
    /^subject_token: of another client/,
    'caller',
    'Bring a subject token that was issued to this client, or ask as the client that it was issued to.',
  ],
  [
    /^subject_token: for no resource of the client/,
    'client',
    'Bring a subject token for a resource that this client owns (its owner_client_id).',
  ],
  [
    /^subject_token: may_act names another actor/,
    'caller',
    'Ask as the actor that the subject token names (may_act).',
  ],
  [
    /^(unknown session|session of another )/,
    'request',
    'Name a session of this client and this subject, or none.',
  ],
  [
    /^the [a-z_' ]*session is not alive$|^the [a-z_' ]*session, or one above it, has ended$/,
    'caller',
    'Open a session anew: this one has ended.',
  ],
  [
    /^the (actor token's )?delegation, or something above it, has ended$/,
    'caller',
    'Have it delegated anew: the delegation has ended.',
  ],
  [
    /^the budget of the delegation is used up$/,
    'caller',
    'Have it delegated anew: the exchanges of this delegation are used up.',
  ],
  [
    /^no resource, /,
    'request',
    'Name a resource, or set default resources at the client or the zone.',
  ],
  [
    /^ttl_seconds is more than (\d+)/,
    'request',
    'Ask for a shorter life (ttl_seconds), or for none.',
  ],
  [/^what this request relies on has expired$/, 'caller', 'Bring tokens that still live.'],
  [
    /^too many pending challenges/,
    'challenge',
    'Have challenges decided that are open, or wait until they expire.',
  ],
];

function ofReason(event: RecordedObject, { client }: KnownNow): Remedy[] {
  const reason = textAt(event, 'reason') ?? '';
  const known = REASONS.find(([words]) => words.test(reason));
  if (known !== undefined) return [{ of: known[1], tried: false, text: known[2] }];
  const error = textAt(event, 'error');
  if (error === 'invalid_client' && client?.disabled === true) {
    return [{ of: 'client', tried: false, text: `Enable the client "${client.name}".` }];
  }
  if (error === 'temporarily_unavailable' || error === 'server_error') {
    const text = 'Nothing about the request: the service could not decide. Send it again.';
    return [{ of: 'unknown', tried: false, text }];
  }
  if (error === 'unsupported_grant_type') {
    return [{ of: 'request', tried: false, text: 'Ask with a grant type that the service has.' }];
  }
  return [];
}
