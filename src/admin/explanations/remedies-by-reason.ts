import type { Remedy } from './explanation.js';
import type { KnownNow } from './known-now.js';
import { textAt, type RecordedObject } from './recorded.js';

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

export function ofTarget(event: RecordedObject, now: KnownNow): Remedy[] {
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

export function ofReason(event: RecordedObject, { client }: KnownNow): Remedy[] {
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
