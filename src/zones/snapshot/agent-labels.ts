import type { ZoneSnapshot } from './zone-snapshot.js';

/** The part of a snapshot that labels are read from. */
type Labelled = Pick<ZoneSnapshot, 'clients'>;

const labelsOfZones = new WeakMap<Labelled, ReadonlySet<string>>();

/**
 * The first label that operators gave to other clients and not to this one. Applications label their agent
 * sessions themselves, and policies trust labels, so such a label is refused.
 *
 * @returns `undefined` if there is none
 */
export function reservedLabel(
  zone: Labelled,
  clientId: string,
  labels: readonly string[],
): string | undefined {
  const own = zone.clients.get(clientId)?.labels ?? [];
  const given = labelsOf(zone);
  return labels.find((label) => given.has(label) && !own.includes(label));
}

/**
 * The labels of an agent: its client's own, and those of its agent session, without the ones that operators have
 * given to other clients since.
 *
 * @param labels those of the agent session
 */
export function labelsOfAgent(
  zone: Labelled,
  clientId: string,
  labels: readonly string[],
): string[] {
  const own = zone.clients.get(clientId)?.labels ?? [];
  const harmless = labels.filter((label) => reservedLabel(zone, clientId, [label]) === undefined);
  return [...new Set([...own, ...harmless])];
}

/** All labels of a zone's clients, computed once for each snapshot. */
function labelsOf(zone: Labelled): ReadonlySet<string> {
  const known = labelsOfZones.get(zone);
  if (known !== undefined) return known;
  const labels = new Set([...zone.clients.values()].flatMap((client) => client.labels));
  labelsOfZones.set(zone, labels);
  return labels;
}
