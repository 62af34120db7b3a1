import type { Caller } from '../../authentication/authenticate-client.js';
import {
  endOf,
  leafOf,
  obstacleOn,
  type Agent,
  type Edge,
  type DelegationRoute,
} from '../../delegation/delegation-route.js';
import { verifyDelegationChain } from '../../delegation/verify-chain.js';
import type { MandateClaims } from '../../mandates/verify-mandate.js';
import { OAuthError, orUnavailable } from '../../oauth/errors.js';
import { isUuid } from '../../oauth/vocabulary.js';
import type { Bound } from './bind.js';
import type { AgentNames } from './parse.js';
import { unusable } from './resolve.js';

/** The agent session that acts, and how it came by its authority: proven, as of when it was read. */
export interface Agency {
  readonly acting: Agent;
  /** The delegation used; `null` if it acts for its application alone. */
  readonly edge: Edge | null;
  /** That and all above it, the first one first. */
  readonly edges: readonly Edge[];
  /** When the first of all that it rests on ends, in seconds since the epoch. */
  readonly endsAt: number;
  readonly epoch: number;
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
  route(
    zoneId: string,
    agentSessionId: string,
    edgeId: string | null,
  ): Promise<DelegationRoute | null>;
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
  const route = await find(caller, names, directory);
  if (named !== null) checkNamed(caller, route, named);
  if (inherited !== null) checkContinuity(route, inherited);
  return {
    acting: route.acting,
    edge: leafOf(route),
    edges: route.edges,
    endsAt: endOf(route),
    epoch: route.epoch,
  };
}

async function find(
  { zone }: Caller,
  { agentSessionId, delegationEdgeId }: AgentNames,
  directory: RouteDirectory,
): Promise<DelegationRoute> {
  const wellFormed =
    isUuid(agentSessionId) && (delegationEdgeId === null || isUuid(delegationEdgeId));
  const route = wellFormed
    ? await orUnavailable(
        'agent session',
        directory.route(zone.zoneId, agentSessionId, delegationEdgeId),
      )
    : null;
  if (route === null) throw notUsable('unknown agent session or delegation');
  const obstacle = obstacleOn(route);
  if (obstacle !== null) throw notUsable(obstacle);
  // What a disabled client delegated goes no further, also where others hold it.
  const gone = route.agents.find(({ clientId }) => zone.clients.get(clientId)?.disabled !== false);
  if (gone !== undefined) throw notUsable(`the client of agent session ${gone.id} is disabled`);
  return route;
}

function checkNamed(
  { client }: Caller,
  route: DelegationRoute,
  { delegationEdgeId }: AgentNames,
): void {
  if (route.acting.clientId !== client.id) throw notUsable('agent session of another client');
  if (delegationEdgeId !== null && leafOf(route)?.targetId !== route.acting.id) {
    throw notUsable('the delegation leads to another agent session');
  }
}

/** A delegation cannot be left behind by naming another agent session. */
function checkContinuity(
  route: DelegationRoute,
  { agentSessionId, delegationEdgeId }: AgentNames,
): void {
  const edge = leafOf(route);
  const sessions = [...route.acting.path, ...(edge?.sessions ?? [])];
  if (!sessions.includes(agentSessionId)) {
    throw notUsable("does not go on from the subject token's agent session");
  }
  if (delegationEdgeId !== null && edge?.edgePath.includes(delegationEdgeId) !== true) {
    throw notUsable("does not go on from the subject token's delegation");
  }
}

function namesIn(
  { raw }: MandateClaims,
  parameter: 'subject_token' | 'actor_token',
): AgentNames | null {
  const chain = verifyDelegationChain(raw);
  if (!chain.valid) throw unusable(parameter, `delegation: ${chain.reason}`);
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
