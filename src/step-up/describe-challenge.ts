import { isUuid } from '../oauth/vocabulary.js';
import type { StepUpTerms } from '../zones/step-up-terms.js';
import { challengeState, type ChallengeState, type HeldRequest } from './challenge.js';
import type { Challenge } from './challenge.entity.js';
import type { ChallengeDecision } from './challenge-decision.entity.js';
import { describePerson, readPerson } from './decider.js';
import { wholeUnits } from './whole-units.js';

/** The names of clients, by id. */
export type ClientNames = ReadonlyMap<string, string>;

/** One through whom a request came: a client, or a user who acts. */
interface Intermediary {
  /** The id of a client, or the name of a user. */
  readonly name: string;
  readonly isClient: boolean;
}

/**
 * Those through whom authority came from the subject to the application that asks, without these two: the client
 * that the subject's mandate was issued to, then the actors, the first one first (RFC 8693 4.1).
 */
export function intermediariesIn(request: HeldRequest): Intermediary[] {
  const { client_id: clientId, subject, subject_client_id: calledBy, act } = request;
  const between = [
    ...(calledBy === undefined ? [] : [{ name: calledBy, isClient: true }]),
    ...actorsIn(act).toReversed(),
  ];
  const left = new Set([clientId, ...(subject.type === 'application' ? [subject.sub] : [])]);
  return between.filter(({ name, isClient }, i) => {
    const first = between.findIndex((one) => one.name === name && one.isClient === isClient) === i;
    return first && !(isClient && left.has(name));
  });
}

/** The actors of a claim `act`, the current one first. */
function actorsIn(act: unknown): Intermediary[] {
  if (typeof act !== 'object' || act === null || !('sub' in act)) return [];
  const { sub, sub_type: type, act: next } = { sub_type: undefined, act: undefined, ...act };
  return [{ name: String(sub), isClient: type !== 'user' }, ...actorsIn(next)];
}

/** The ids of the clients in a held request, whose names people want to read. */
export function clientsNamedIn({ request }: Pick<Challenge, 'request'>): string[] {
  const { client_id: clientId, subject } = request;
  const between = intermediariesIn(request).filter(({ isClient }) => isClient);
  return [
    clientId,
    ...(subject.type === 'application' ? [subject.sub] : []),
    ...between.map(({ name }) => name),
  ].filter(isUuid);
}

/**
 * A held request in words: "Application payment service (…) asks for payments:send on
 * https://ledger.example, for at most 15 minutes, for itself".
 */
export function summaryOf(request: HeldRequest, names: ClientNames): string {
  const { scopes, resources, operation, authorization_details_display: exactly } = request;
  return [
    `${application(request.client_id, names)} asks for ${scopes.join(' ') || 'access without a scope'} on ${resources.join(', ')}`,
    ...(operation === undefined ? [] : [`to ${operation.method} ${operation.path}`]),
    ...(exactly === undefined ? [] : [`exactly: ${exactly.join('; ')}`]),
    `for at most ${duration(request.max_lifetime_seconds)}`,
    behalf(request, names),
    ...intermediariesIn(request).map(
      ({ name, isClient }) => `through ${isClient ? application(name, names) : name}`,
    ),
    ...(request.agent_session_id === undefined
      ? []
      : [`by the agent session ${request.agent_session_id}`]),
    ...(request.delegation_edge_id === undefined
      ? []
      : [`on the delegation ${request.delegation_edge_id}`]),
  ].join(', ');
}

function behalf({ subject, client_id: clientId }: HeldRequest, names: ClientNames): string {
  const { sub, type, iss } = subject;
  if (type === 'user') return `on behalf of ${sub} of ${iss ?? 'this service'}`;
  return sub === clientId ? 'for itself' : `on behalf of ${application(sub, names)}`;
}

function application(id: string, names: ClientNames): string {
  const name = names.get(id);
  return name === undefined ? `application ${id}` : `application "${name}" (${id})`;
}

/** A time in words, in the largest unit in which it is a whole number. */
export function duration(seconds: number): string {
  const { unit, count } = wholeUnits(seconds);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** A request that is held until it is confirmed. */
export interface ChallengeView {
  readonly id: string;
  /** The name of its type, as in `@step_up("…")`. */
  readonly type: string;
  readonly state: ChallengeState;
  /** What is asked for, in words. */
  readonly summary: string;
  /** The same in full. */
  readonly request: HeldRequest;
  /** SHA-256 of the request in canonical JSON (RFC 8785), in hex: what a decision is about. */
  readonly binding: string;
  /** The terms of its type when it was opened. */
  readonly terms: StepUpTerms;
  /** How many have approved it. */
  readonly approvals: number;
  readonly created_at: Date;
  readonly expires_at: Date;
  /** `null`: it is not settled. */
  readonly decided_at: Date | null;
  /** When it was refused by a holder of its link as one that this person knows nothing of; absent: it was not. */
  readonly reported_at?: Date;
  /** When a mandate was issued on it; `null`: none was. */
  readonly consumed_at: Date | null;
}

/** What somebody has decided on a challenge. */
export interface DecisionView {
  /** Who, by the name that counts. */
  readonly decided_by: string;
  /** The person, where that is known. */
  readonly person?: ReturnType<typeof describePerson>;
  readonly method: ChallengeDecision['method'];
  readonly decision: ChallengeDecision['decision'];
  readonly reason: string;
  readonly decided_at: Date;
}

/**
 * A challenge as those see it who decide.
 *
 * @param now milliseconds since the epoch
 */
export function describeChallenge(
  challenge: Challenge,
  names: ClientNames,
  now: number,
): ChallengeView {
  return {
    id: challenge.id,
    type: challenge.type,
    state: challengeState(challenge, now),
    summary: summaryOf(challenge.request, names),
    request: challenge.request,
    binding: challenge.binding.toString('hex'),
    terms: challenge.terms,
    approvals: challenge.approvals,
    created_at: challenge.createdAt,
    expires_at: challenge.expiresAt,
    decided_at: challenge.decidedAt,
    ...(challenge.reportedAt === null ? {} : { reported_at: challenge.reportedAt }),
    consumed_at: challenge.consumedAt,
  };
}

/** A decision as operators see it. */
export function describeDecision({
  decidedBy,
  person,
  method,
  decision,
  reason,
  decidedAt,
}: ChallengeDecision): DecisionView {
  const by = readPerson(person);
  return {
    decided_by: decidedBy,
    ...(by === null ? {} : { person: describePerson(by) }),
    method,
    decision,
    reason,
    decided_at: decidedAt,
  };
}
