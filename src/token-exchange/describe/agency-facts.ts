import type { Fact, Otherwise } from '../../ledger/entry.js';
import type { Agency } from '../stages/delegate.js';
import type { AgentNames } from '../stages/parse.js';

type AgencyFact = Extract<
  Fact,
  { kind: 'agent_session_live' | 'delegation_live' | 'delegation_unspent' }
>;

/**
 * What a mandate rests on where agents are at work: every agent session and every delegation on the
 * way, as they were when they were read, and a budget that is drawn on with the mandate.
 */
export function agencyFacts(agency: Agency | null, actingAgent: AgentNames | null): Fact[] {
  return [
    ...(agency === null ? [] : factsOf(agency)),
    ...(actingAgent === null ? [] : factsOfActor(actingAgent)),
  ];
}

/** Whether a fact is about agents. */
export function isAgencyFact(fact: Fact): fact is AgencyFact {
  return KINDS.has(fact.kind);
}

const KINDS: ReadonlySet<Fact['kind']> = new Set([
  'agent_session_live',
  'delegation_live',
  'delegation_unspent',
]);

function factsOf({ acting, edge, edges }: Agency): Fact[] {
  const session: Fact = {
    kind: 'agent_session_live',
    id: acting.id,
    otherwise: denied('the agent session, or one above it, has ended'),
  };
  if (edge === null) return [session];
  const live: Fact = {
    kind: 'delegation_live',
    id: edge.id,
    versions: Object.fromEntries(edges.map(({ id, version }) => [id, version])),
    otherwise: denied('the delegation, or something above it, has ended'),
  };
  if (edges.every(({ remaining }) => remaining === null)) return [session, live];
  return [
    session,
    live,
    {
      kind: 'delegation_unspent',
      id: edge.id,
      otherwise: denied('the budget of the delegation is used up'),
    },
  ];
}

/** The facts of an actor. Its budget was drawn on when its token was issued, so it is not drawn on again. */
function factsOfActor({ agentSessionId, delegationEdgeId }: AgentNames): Fact[] {
  const session: Fact = {
    kind: 'agent_session_live',
    id: agentSessionId,
    otherwise: denied("the actor token's agent session, or one above it, has ended"),
  };
  if (delegationEdgeId === null) return [session];
  return [
    session,
    {
      kind: 'delegation_live',
      id: delegationEdgeId,
      otherwise: denied("the actor token's delegation, or something above it, has ended"),
    },
  ];
}

function denied(reason: string): Otherwise {
  return { outcome: 'denied', error: 'invalid_grant', reason };
}
