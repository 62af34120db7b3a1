/**
 * Verifies the delegation claims of a mandate offline: nothing but the claims is needed, and nothing but
 * this file. The signature must have been verified before.
 */

/** The most hops. It is repeated here so that the file can be taken elsewhere as it is. */
const MAX_HOPS = 10;

/** One station of a delegation: an agent session that had the authority. */
export interface Station {
  readonly applicationId: string;
  readonly agentSessionId: string;
  /** The delegation by which authority came here; `null` for the first issuer, who had it. */
  readonly delegationEdgeId: string | null;
}

/** The result: the chain, which is empty without a delegation, or why the claims cannot be true. */
export type DelegationChain =
  | { readonly valid: true; readonly stations: readonly Station[]; readonly hopCount: number }
  | { readonly valid: false; readonly reason: string };

/** Claims that only a delegated mandate has. */
const DELEGATED = [
  'delegation_edge_id',
  'source_session_id',
  'target_session_id',
  'delegation_path',
  'delegation_chain',
  'hop_count',
  'delegation_graph_epoch',
] as const;

/**
 * Verifies the delegation claims of a mandate.
 *
 * What they say twice must agree. That the sessions between two stations are below the one and above the other they do
 * not say: that was checked when the mandate was issued, and is signed.
 *
 * @param claims the claims of a mandate whose signature has been verified
 * @returns the stations from the first issuer to the receiver, none if nothing was delegated
 */
export function verifyDelegationChain(claims: Readonly<Record<string, unknown>>): DelegationChain {
  const { agent_session_id: agent } = claims;
  if (DELEGATED.every((name) => claims[name] === undefined)) {
    if (agent !== undefined && !isUuid(agent)) return invalid('agent_session_id is no id');
    return { valid: true, stations: [], hopCount: 0 };
  }
  const missing = DELEGATED.find((name) => claims[name] === undefined);
  if (missing !== undefined) return invalid(`${missing} is missing`);
  if (!isUuid(agent)) return invalid('agent_session_id is no id');
  if (!isUuid(claims['source_session_id'])) return invalid('source_session_id is no id');
  if (!isCount(claims['delegation_graph_epoch'])) return invalid('no delegation_graph_epoch');
  const chain = readChain(claims['delegation_chain']);
  if (chain === null) return invalid('delegation_chain is malformed');
  const path = readIds(claims['delegation_path']);
  if (path === null) return invalid('delegation_path is malformed');
  const isOlder = chain.some(({ delegationEdgeId }) => delegationEdgeId !== null);
  const stations = isOlder ? chain : withEdges(chain, path);
  const reason =
    contradiction(claims, stations) ??
    (isOlder
      ? contradictionOnSessions(claims, stations, path)
      : contradictionAlong(stations, path));
  return reason === null
    ? { valid: true, stations, hopCount: stations.length - 1 }
    : invalid(reason);
}

/** The stations of a chain, each with the delegation by which authority came to it. */
function withEdges(chain: readonly Station[], path: readonly string[]): readonly Station[] {
  return chain.map((station, at) => ({
    ...station,
    delegationEdgeId: at === 0 ? null : (path[at - 1] ?? null),
  }));
}

function contradiction(
  claims: Readonly<Record<string, unknown>>,
  stations: readonly Station[],
): string | null {
  const [first, ...others] = stations;
  const last = others.at(-1);
  if (first === undefined || last === undefined) return 'the chain has no hop';
  if (others.length > MAX_HOPS) return 'the chain has too many hops';
  if (claims['hop_count'] !== others.length) return 'hop_count is not that of the chain';
  if (first.delegationEdgeId !== null) return 'the first issuer received a delegation itself';
  const edges = others.map(({ delegationEdgeId }) => delegationEdgeId);
  if (edges.includes(null)) return 'a station received nothing';
  if (!allDifferent(edges)) return 'a delegation is used twice';
  if (last.delegationEdgeId !== claims['delegation_edge_id'])
    return 'another delegation ends the chain';
  if (last.agentSessionId !== claims['target_session_id']) return 'another session ends the chain';
  const sessions = stations.map(({ agentSessionId }) => agentSessionId);
  if (!allDifferent(sessions)) return 'the chain goes in a circle';
  // It is the station before, or below that; and who acts is the last station, or below that.
  const source = sessions.findIndex((session) => session === claims['source_session_id']);
  if (source !== -1 && source !== sessions.length - 2)
    return 'the source is elsewhere in the chain';
  const agent = sessions.findIndex((session) => session === claims['agent_session_id']);
  if (agent !== -1 && agent !== sessions.length - 1) return 'who acts is elsewhere in the chain';
  return null;
}

function contradictionAlong(stations: readonly Station[], path: readonly string[]): string | null {
  return path.length === stations.length - 1 ? null : 'the path is longer than the chain';
}

/**
 * What contradicts in a mandate of the version before, whose path lists agent sessions, and whose stations name the
 * delegation that they received. Such mandates are out for an hour at most after an update.
 */
function contradictionOnSessions(
  claims: Readonly<Record<string, unknown>>,
  stations: readonly Station[],
  path: readonly string[],
): string | null {
  if (!allDifferent(path)) return 'the path goes in a circle';
  if (path[0] !== stations[0]?.agentSessionId) return 'the path begins elsewhere';
  if (path.at(-1) !== claims['agent_session_id']) return 'the path ends elsewhere';
  const places = stations.map(({ agentSessionId }) => path.indexOf(agentSessionId));
  if (places.includes(-1)) return 'a station is not on the path';
  if (places.some((place, at) => at > 0 && place <= (places[at - 1] ?? -1))) {
    return 'the stations are not in the order of the path';
  }
  const target = places.at(-1) ?? -1;
  return path[target - 1] === claims['source_session_id'] ? null : 'the source is not on the path';
}

function readChain(value: unknown): readonly Station[] | null {
  if (!Array.isArray(value)) return null;
  const stations = value.map(readStation);
  const known = stations.filter((station) => station !== null);
  return known.length === value.length ? known : null;
}

function readStation(value: unknown): Station | null {
  if (!isObject(value)) return null;
  const {
    application_id: applicationId,
    agent_session_id: agentSessionId,
    delegation_edge_id: edge,
  } = value;
  if (!isUuid(applicationId) || !isUuid(agentSessionId)) return null;
  if (edge !== undefined && !isUuid(edge)) return null;
  return { applicationId, agentSessionId, delegationEdgeId: edge ?? null };
}

function readIds(value: unknown): readonly string[] | null {
  return Array.isArray(value) && value.every(isUuid) ? value : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isUuid(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function allDifferent(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}

function invalid(reason: string): DelegationChain {
  return { valid: false, reason };
}
