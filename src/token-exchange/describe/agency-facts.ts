import type { Entry, Fact, Otherwise } from '../../ledger/entry.js';
import type { RouteSupport } from '../../delegation/delegation-route.js';
import type { Agency } from '../stages/delegate.js';
import type { AgentNames } from '../stages/parse.js';

type AgencyFact = Extract<
  Fact,
  { kind: 'agent_session_live' | 'delegation_live' | 'agency_live' | 'delegation_unspent' }
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
  'agency_live',
  'delegation_unspent',
]);

/** What an entry says of the graph that its request was evaluated on. */
export function graphOf(agency: Agency | null): Pick<Entry, 'graph'> {
  const support = agency?.support ?? null;
  return support === null ? {} : { graph: support.graph };
}

function factsOf(agency: Agency): Fact[] {
  const { edge, edges, support } = agency;
  const live = support === null ? lookedUp(agency) : [compared(support, edge !== null)];
  if (edge === null || edges.every(({ remaining }) => remaining === null)) return live;
  return [
    ...live,
    {
      kind: 'delegation_unspent',
      id: edge.id,
      otherwise: denied('the budget of the delegation is used up'),
    },
  ];
}

const AGENT_ENDED = 'the agent session, or one above it, has ended';
const DELEGATION_ENDED = 'the delegation, or something above it, has ended';

/** The fact that what is compared with what was read has neither expired nor lost what it rests on. */
function compared({ until, sessions, clients }: RouteSupport, delegated: boolean): Fact {
  const otherwise = denied(delegated ? DELEGATION_ENDED : AGENT_ENDED);
  return { kind: 'agency_live', until, sessions, clients, otherwise };
}

/** The facts by which the commit looks up the whole way itself. */
function lookedUp({ acting, edge, edges }: Agency): Fact[] {
  const session: Fact = {
    kind: 'agent_session_live',
    id: acting.id,
    otherwise: denied(AGENT_ENDED),
  };
  if (edge === null) return [session];
  return [
    session,
    {
      kind: 'delegation_live',
      id: edge.id,
      versions: Object.fromEntries(edges.map(({ id, version }) => [id, version])),
      otherwise: denied(DELEGATION_ENDED),
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
