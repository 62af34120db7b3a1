import type { ZoneSnapshot } from './zone-snapshot.js';

type Labelled = Pick<ZoneSnapshot, 'clients'>;

const labelsOfZones = new WeakMap<Labelled, ReadonlySet<string>>();

/**
 * An application labels its agent sessions itself, and policies trust labels. So none may be one that
 * operators gave to other clients, and not to this one.
 *
 * @returns the first such label
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

/** Those of a client, and of its agent session what is left of them where operators have labelled since. */
export function labelsOfAgent(
  zone: Labelled,
  clientId: string,
  labels: readonly string[],
): string[] {
  const own = zone.clients.get(clientId)?.labels ?? [];
  const harmless = labels.filter((label) => reservedLabel(zone, clientId, [label]) === undefined);
  return [...new Set([...own, ...harmless])];
}

/** A snapshot never changes, so this is worked out once for each. */
function labelsOf(zone: Labelled): ReadonlySet<string> {
  const known = labelsOfZones.get(zone);
  if (known !== undefined) return known;
  const labels = new Set([...zone.clients.values()].flatMap((client) => client.labels));
  labelsOfZones.set(zone, labels);
  return labels;
}
