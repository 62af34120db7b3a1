import { randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { Entry, Fact } from '../../ledger/entry.js';
import { OAuthError } from '../../oauth/errors.js';
import { instant } from '../../platform/config/clock.js';
import { challengeOf } from '../../platform/http/bearer-challenge.js';
import { writeTraceparent, type TraceContext } from '../../platform/tracing/trace-context.js';
import { confirmUri } from '../../step-up/authenticators/confirm-link.js';
import { secretDigest, type ChallengeBirth } from '../../step-up/challenge.js';
import { canAuthenticate } from '../../step-up/type-terms.js';
import { refusedEvent } from '../describe/audit-event.js';
import { graphOf } from '../describe/agency-facts.js';
import { seenSubject } from '../describe/issued-generations.js';
import { endingAt, factsOf, restsOn, toldTo, unspent } from '../describe/facts.js';
import { clientsInvolved } from '../describe/held-request.js';
import { refusedFor, type Outcome } from '../outcome.js';
import type { Held } from './clearance.js';
import type { LedgerPort } from './record.js';

/** How many challenges may wait for a decision. */
const LIMITS = {
  max_of_client: 100,
  max_of_subject: 20,
  max_of_both: 10,
  max_secrets: 100,
} as const;

const CONFIRM = 'the request has to be confirmed';

/**
 * Stage 6b: records that a request was not granted, and opens the challenge that it takes, or joins the
 * one that is open for the very same request. The answer has the challenge and its secret, this once; and, if the
 * subject may confirm on a page of ours, the link to that.
 *
 * @param issuerUrl `ISSUER_URL`, where people find us
 * @param now milliseconds since the epoch
 * @param trace where the request is in a trace, for webhooks that are told of the challenge
 */
export async function hold(
  held: Held,
  ledger: LedgerPort,
  issuerUrl: string,
  now: number,
  trace: TraceContext | null,
): Promise<Outcome> {
  const secret = randomBytes(32).toString('base64url');
  const digest = secretDigest(secret);
  const committed = await ledger.commit(entryOf(held, digest, now, trace));
  if (committed.status === 'stale') {
    return { status: 'stale', zoneId: held.authorized.caller.zone.zoneId };
  }
  if (committed.status === 'refused') return refusedFor(committed.fact);
  const { challenge } = committed;
  if (challenge === undefined) throw new Error('the ledger opened no challenge');
  const acr = canAuthenticate(held.terms) ? held.terms.acr : null;
  const uri = confirmUri(issuerUrl, challenge.id, held.terms, digest);
  const error = new OAuthError('interaction_required', CONFIRM, {
    // For libraries that show no more of an error (RFC 9470 3). The secret is not in it, since headers are logged.
    wwwAuthenticate: challengeOf({
      error: 'interaction_required',
      error_description: CONFIRM,
      challenge_id: challenge.id,
      acr_values: acr,
    }),
    members: {
      challenge_id: challenge.id,
      challenge_type: challenge.type,
      challenge_secret: secret,
      challenge_expires_at: instant(challenge.expires_at * 1_000).toISOString(),
      ...(acr === null ? {} : { acr_values: acr }),
      ...(uri === null ? {} : { confirm_uri: uri }),
    },
  });
  return { status: 'held', error };
}

function entryOf(held: Held, digest: string, now: number, trace: TraceContext | null): Entry {
  const { authorized, request, binding, terms } = held;
  const { asked, caller } = authorized;
  const { type, subject, policy_set_version_id } = request;
  const names = {
    binding,
    client_id: request.client_id,
    subject: subject.sub,
    ...(subject.iss === undefined ? {} : { subject_issuer: subject.iss }),
    subject_type: subject.type,
  };
  const allowed: Fact = {
    kind: 'challenge_allowed',
    ...names,
    ...LIMITS,
    terms,
    otherwise: { outcome: 'denied', error: 'slow_down', reason: 'too many pending challenges' },
  };
  const challenge: ChallengeBirth = {
    ...names,
    // Fresh randomness, where the library would count on: the next id must not be guessable.
    id: uuidv7({ random: randomBytes(16) }),
    type,
    policy_set_version_id,
    involved_client_ids: clientsInvolved(authorized),
    request,
    terms,
    secret_digest: digest,
    ...(trace === null ? {} : { traceparent: writeTraceparent(trace) }),
  };
  // No budget is drawn on before the mandate is issued.
  const facts = factsOf(authorized, Math.floor(now / 1_000)).filter(
    ({ kind }) => kind !== 'delegation_unspent',
  );
  const required = new OAuthError('interaction_required', CONFIRM, {
    detail: `step-up ${type} is required${request.demanded_for.map((id) => ` for ${id}`).join(',')}`,
  });
  return {
    event_id: uuidv7(),
    ...restsOn(caller),
    ...graphOf(authorized.agency),
    ...seenSubject(authorized),
    facts: endingAt('hold', [...unspent(caller.once), ...toldTo(caller, facts), allowed]),
    challenge,
    event: { ...refusedEvent(asked.requestId, authorized, required, 'hold'), binding },
  };
}
