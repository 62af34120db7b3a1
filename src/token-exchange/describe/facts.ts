import type { Caller, ClaimedClient } from '../../authentication/authenticate-client.js';
import type { Entry, Fact, Nonce } from '../../ledger/entry.js';
import type { MandateClaims } from '../../mandates/mandate-claims.js';
import { factsToldToGateway } from '../told-to-gateways.js';
import { agencyFacts } from './agency-facts.js';
import { subjectFacts } from './issued-generations.js';
import type { Stage } from '../stage-names.js';
import type { Delegated } from '../stages/delegate.js';

/** The zone and the clients that a request was evaluated on, for the ledger to compare. */
export function restsOn({
  zone,
  clients,
}: Pick<ClaimedClient, 'zone' | 'clients'>): Pick<
  Entry,
  'zone_id' | 'settings_version' | 'clients' | 'labels'
> {
  const { seen, askedLabels: labels } = clients;
  return {
    zone_id: zone.zoneId,
    settings_version: zone.version,
    clients: seen,
    ...(labels === undefined ? {} : { labels }),
  };
}

/** Seconds by which the database's clock may differ from the one that a request was evaluated by. */
const CLOCK_TOLERANCE = 30;

/** The fact that a credential for one use has not been used before; checked first, so that it is spent whatever else fails. */
export function unspent(once: Nonce | null): Fact[] {
  if (once === null) return [];
  const reason = `${once.purpose} was used before`;
  return [
    {
      kind: 'nonce_unspent',
      ...once,
      otherwise: { outcome: 'denied', error: 'invalid_client', reason },
    },
  ];
}

/**
 * The facts that a request rests on and that may have changed since it was evaluated.
 *
 * @param now seconds since the epoch
 */
export function factsOf(request: RestsOn, now: number): Fact[] {
  const { principals, anchor, agency, actingAgent } = request;
  const { subject, actor } = principals;
  const clock: Fact = {
    kind: 'clock_agrees',
    now,
    tolerance: CLOCK_TOLERANCE,
    otherwise: {
      outcome: 'failed',
      error: 'temporarily_unavailable',
      reason: 'the clock differs from that of the database',
    },
  };
  const sessions = new Map<string, string>();
  if (anchor !== null) {
    // A root is its own root: what is closer to the request is set later, and names it.
    sessions.set(anchor.rootSid, 'root session');
    sessions.set(anchor.sid, 'session');
  }
  if (subject !== null) sessions.set(subject.sid, "subject token's session");
  if (actor !== null) {
    sessions.set(actor.rootSid, "actor token's root session");
    sessions.set(actor.sid, "actor token's session");
  }
  return [
    clock,
    ...[...sessions].map(([id, whose]): Fact => ({
      kind: 'session_live',
      id,
      otherwise: { outcome: 'denied', error: 'invalid_grant', reason: `the ${whose} is not alive` },
    })),
    ...(subject === null ? [] : notRevoked(subject, 'subject_token')),
    ...(actor === null ? [] : notRevoked(actor, 'actor_token')),
    ...subjectFacts(request),
    ...agencyFacts(agency, actingAgent),
  ];
}

/** Facts, with the stage at which a request ends if one of them has moved, which its event says then. */
export function endingAt(stage: Stage, facts: readonly Fact[]): Fact[] {
  return facts.map((fact) => {
    const { outcome, error, reason } = fact.otherwise;
    return { ...fact, otherwise: { outcome, error, reason, stage } };
  });
}

/** Facts, with what their moving is called where the request came through a gateway. */
export function toldTo(
  { throughGateway }: Pick<Caller, 'throughGateway'>,
  facts: readonly Fact[],
): Fact[] {
  return throughGateway ? factsToldToGateway(facts) : [...facts];
}

type RestsOn = Pick<Delegated, 'caller' | 'principals' | 'anchor' | 'agency' | 'actingAgent'>;

/** The facts that a token and its ancestors are not revoked. */
function notRevoked(
  { jti, ancestors }: MandateClaims,
  parameter: 'subject_token' | 'actor_token',
): Fact[] {
  return [jti, ...ancestors].map((each) => ({
    kind: 'token_not_revoked',
    jti: each,
    parameter,
    otherwise: {
      outcome: 'denied',
      error: 'invalid_request',
      reason: each === jti ? `${parameter}: revoked` : `${parameter}: an ancestor is revoked`,
    },
  }));
}
