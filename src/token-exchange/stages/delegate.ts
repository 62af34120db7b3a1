import type { Caller } from '../../authentication/authenticate-client.js';
import {
  endOf,
  leafOf,
  obstacleOn,
  type Agent,
  type Edge,
  type DelegationRoute,
  type RouteSupport,
} from '../../delegation/delegation-route.js';
import type { FoundRoute, Judge } from '../../delegation/routes.service.js';
import { verifyDelegationChain } from '../../delegation/verify-chain.js';
import type { MandateClaims } from '../../mandates/mandate-claims.js';
import { OAuthError, orUnavailable } from '../../oauth/errors.js';
import { isUuid } from '../../oauth/vocabulary.js';
import type { Bound } from './bind.js';
import type { AgentNames } from './parse.js';
import { doesNotHold } from '../unusable-token.js';

/** The agent session that acts, and how it came by its authority: proven, as of when it was read. */
export interface Agency {
  readonly acting: Agent;
  /** The labels of the acting client and of its agent session, as far as policies may trust them. */
  readonly labels: readonly string[];
  /** The delegation used; `null` if it acts for its application alone. */
  readonly edge: Edge | null;
  /** That and all above it, the first one first. */
  readonly edges: readonly Edge[];
  /** When the first of all that it rests on ends, in seconds since the epoch. */
  readonly endsAt: number;
  readonly epoch: number;
  /** What the commit compares; `null` if it has to look up the way itself. */
  readonly support: RouteSupport | null;
}

/** A request with the agent session that acts in it. */
export interface Delegated extends Omit<Bound, 'agent'> {
  /** `null` if none does. */
  readonly agency: Agency | null;
  /** The agent session that the actor token was issued to, if it was. */
  readonly actingAgent: AgentNames | null;
}

/** The agent sessions and delegations of zones, with all that is above them. */
export interface RouteDirectory {
  /**
   * @param judge says what stands in the way of the request on a route; a route on which something does was read
   *   just now
   */
  route(
    zoneId: string,
    agentSessionId: string,
    edgeId: string | null,
    judge: Judge,
  ): Promise<FoundRoute | null>;
}

/**
 * Stage 4b: finds the agent session that acts and the delegation that it acts on, which are those that
 * the request names; else those of the subject token, which cannot be got rid of. What the request
 * names beside a delegated subject token has to go on from there.
 *
 * What was checked when a delegation was made is checked again here. That all of it is still alive, and
 * that there is budget left, the ledger checks again when it commits.
 *
 * @throws {OAuthError} invalid_grant; invalid_request for a token whose claims cannot be true
 */
export async function delegate(bound: Bound, directory: RouteDirectory): Promise<Delegated> {
  const { asked, agent, challenge, caller, principals, anchor } = bound;
  const { subject, actor } = principals;
  const inherited = subject === null ? null : namesIn(subject, 'subject_token');
  const actingAgent = actor === null ? null : namesIn(actor, 'actor_token');
  const agency = await agencyOf(agent, inherited, caller, directory);
  return { asked, challenge, caller, principals, anchor, agency, actingAgent };
}

async function agencyOf(
  named: AgentNames | null,
  inherited: AgentNames | null,
  caller: Caller,
  directory: RouteDirectory,
): Promise<Agency | null> {
  const names = named ?? inherited;
  if (names === null) return null;
  const { route, support } = await find(caller, names, directory, (way) =>
    obstacleFor(caller, way, named, inherited),
  );
  return {
    acting: route.acting,
    labels: await caller.clients.labelsOfAgent(caller.client.id, route.acting.labels),
    edge: leafOf(route),
    edges: route.edges,
    endsAt: endOf(route),
    epoch: route.epoch,
    support,
  };
}

async function find(
  { zone }: Caller,
  { agentSessionId, delegationEdgeId }: AgentNames,
  directory: RouteDirectory,
  judge: Judge,
): Promise<FoundRoute> {
  const wellFormed =
    isUuid(agentSessionId) && (delegationEdgeId === null || isUuid(delegationEdgeId));
  const found = wellFormed
    ? await orUnavailable(
        'agent session',
        directory.route(zone.zoneId, agentSessionId, delegationEdgeId, judge),
      )
    : null;
  if (found === null) throw notUsable('unknown agent session or delegation');
  if (found.obstacle !== null) throw notUsable(found.obstacle);
  return found;
}

async function obstacleFor(
  { clients, client, zone }: Caller,
  route: DelegationRoute,
  named: AgentNames | null,
  inherited: AgentNames | null,
): Promise<string | null> {
  const obstacle = obstacleOn(route);
  if (obstacle !== null) return obstacle;
  // What a disabled client delegated goes no further, also where others hold it.
  const gone = await clients.firstDisabled(route.agents.map(({ clientId }) => clientId));
  if (gone !== undefined) return `the client ${gone} of an agent session is disabled`;
  const before = route.agents.find(
    ({ clientId, zoneGeneration, clientGeneration }) =>
      zoneGeneration !== zone.generation || clientGeneration !== clients.generationOf(clientId),
  );
  if (before !== undefined) return `what agent session ${before.id} was opened by was taken back`;
  return (
    (named === null ? null : obstacleForNamed(client.id, route, named)) ??
    (inherited === null ? null : discontinuity(route, inherited))
  );
}

function obstacleForNamed(
  clientId: string,
  route: DelegationRoute,
  { delegationEdgeId }: AgentNames,
): string | null {
  if (route.acting.clientId !== clientId) return 'agent session of another client';
  return delegationEdgeId !== null && leafOf(route)?.targetId !== route.acting.id
    ? 'the delegation leads to another agent session'
    : null;
}

/** A delegation cannot be left behind by naming another agent session. */
function discontinuity(
  route: DelegationRoute,
  { agentSessionId, delegationEdgeId }: AgentNames,
): string | null {
  const edge = leafOf(route);
  const sessions = [...route.acting.path, ...(edge?.sessions ?? [])];
  if (!sessions.includes(agentSessionId)) {
    return "does not go on from the subject token's agent session";
  }
  return delegationEdgeId !== null && edge?.edgePath.includes(delegationEdgeId) !== true
    ? "does not go on from the subject token's delegation"
    : null;
}

function namesIn(
  { raw }: MandateClaims,
  parameter: 'subject_token' | 'actor_token',
): AgentNames | null {
  const chain = verifyDelegationChain(raw);
  if (!chain.valid) throw doesNotHold(parameter, `delegation: ${chain.reason}`);
  const { agent_session_id: agentSessionId, delegation_edge_id: edgeId } = raw;
  if (typeof agentSessionId !== 'string') return null;
  return { agentSessionId, delegationEdgeId: typeof edgeId === 'string' ? edgeId : null };
}

/** One text for every cause, so that it tells nothing about sessions and delegations of others. */
export function notUsable(detail: string): OAuthError {
  return new OAuthError('invalid_grant', 'the agent session or delegation is not usable', {
    detail,
  });
}
