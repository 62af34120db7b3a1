import type { JsonObject, PolicyInput } from '../../policy/engine/input.js';
import type { ResourceView } from '../../zones/snapshot/zone-snapshot.js';
import { verifyDelegationChain } from '../../delegation/verify-chain.js';
import type { Agency } from '../stages/delegate.js';

/**
 * The claims about the agent session of a mandate, and about how it came by its authority. Each id stands where it says
 * something: the delegations in `delegation_path`, the stations that they led to in `delegation_chain`, one more than
 * those.
 */
export function agencyClaims(agency: Agency | null): Readonly<Record<string, unknown>> {
  if (agency === null) return {};
  const { acting, edge, edges, epoch } = agency;
  const [first] = edges;
  const agent = { agent_session_id: acting.id };
  if (edge === null || first === undefined) return agent;
  return {
    ...agent,
    delegation_edge_id: edge.id,
    source_session_id: edge.sourceId,
    target_session_id: edge.targetId,
    delegation_path: edges.map(({ id }) => id),
    delegation_chain: [
      { application_id: first.issuerClientId, agent_session_id: first.sourceId },
      ...edges.map(({ receiverClientId, targetId }) => ({
        application_id: receiverClientId,
        agent_session_id: targetId,
      })),
    ],
    hop_count: edges.length,
    delegation_graph_epoch: epoch,
  };
}

/** The applications that the chain of a delegation names. */
export function applicationsOf(agency: Agency | null): ReadonlySet<string> {
  const edges = agency?.edges ?? [];
  return new Set(edges.flatMap((edge) => [edge.issuerClientId, edge.receiverClientId]));
}

/** From the first issuer's agent session to the one that acts. */
function pathOf({ acting, edge }: Agency): string[] {
  if (edge === null) return [acting.id];
  return [...edge.path, ...acting.path.slice(acting.path.indexOf(edge.targetId) + 1)];
}

/** The members of policy's `principal` about the agent session, beside its labels. */
export function agentInput(
  agency: Agency | null,
): Pick<PolicyInput['principal'], 'agent_session_id' | 'lifecycle'> {
  if (agency === null) return {};
  const { id, lifecycle } = agency.acting;
  return { agent_session_id: id, lifecycle };
}

/** Policy's `delegation_edge`. */
export function edgeInput(
  agency: Agency | null,
  resources: ReadonlyMap<string, ResourceView>,
): Pick<PolicyInput, 'delegation_edge'> {
  const edge = agency?.edge ?? null;
  if (agency === null || edge === null) return {};
  const resource = edge.resource === null ? undefined : resources.get(edge.resource);
  const { constraints } = edge;
  return {
    delegation_edge: {
      id: edge.id,
      source_session_id: edge.sourceId,
      target_session_id: edge.targetId,
      issuer_application_id: edge.issuerClientId,
      receiver_application_id: edge.receiverClientId,
      ...(resource === undefined ? {} : { resource_id: resource.id }),
      scopes: [...edge.scopes],
      path: pathOf(agency),
      graph_epoch: agency.epoch,
      constraints_json: {
        ...constraints,
        resources: [...constraints.resources],
        expires_at: edge.expiresAt,
        ...(edge.remaining === null ? {} : { remaining_budget: edge.remaining }),
      },
    },
  };
}

/** The members of policy's `context` about the agent session and the delegation. */
export function agencyContext(agency: Agency | null): {
  agent_session_id?: string;
  delegation_edge_id?: string;
} {
  if (agency === null) return {};
  const { acting, edge } = agency;
  return {
    agent_session_id: acting.id,
    ...(edge === null ? {} : { delegation_edge_id: edge.id }),
  };
}

const SUBJECT_TEXTS = [
  'agent_session_id',
  'delegation_edge_id',
  'source_session_id',
  'target_session_id',
] as const;

/** The members of policy's `subject_claims` about the delegation that a subject token was issued on. */
export function subjectAgency(raw: Readonly<Record<string, unknown>>): JsonObject {
  const claims: JsonObject = {};
  for (const name of SUBJECT_TEXTS) {
    const value = raw[name];
    if (typeof value === 'string') claims[name] = value;
  }
  for (const name of ['hop_count', 'delegation_graph_epoch'] as const) {
    const value = raw[name];
    if (typeof value === 'number') claims[name] = value;
  }
  // In a mandate of the version before the claim of that name lists something else.
  const chain = verifyDelegationChain(raw);
  if (chain.valid && chain.hopCount > 0) {
    claims['delegation_path'] = chain.stations.flatMap(({ delegationEdgeId: id }) => id ?? []);
  }
  return claims;
}
