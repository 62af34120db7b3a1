/** A variable that is set and means nothing here, but is nearly the name of one that does. */
export interface NearMiss {
  readonly name: string;
  /** What may have been meant. */
  readonly meant: string;
}

/** What Kubernetes and Docker set for each service, such as `MANDATE_PORT=tcp://10.0.0.1:8080`. */
const ADDRESS_OF_A_SERVICE = /^(?:tcp|udp|sctp):\/\//;

/**
 * Finds names in an environment that were most likely misspelt. A name counts if one or two letters of it are another,
 * too many, missing or swapped, if it is ours in small letters, or ours with `MANDATE_` in front; not if what may have been meant is set as well,
 * since then somebody else may mean what is left.
 *
 * @param known the names that mean something
 */
export function nearMisses(
  environment: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): NearMiss[] {
  const names = known.flatMap((name) => [name, `${name}_FILE`]);
  const ours = new Set(names);
  const isSet = (name: string): boolean => (environment[name] ?? '') !== '';
  const free = names.filter((name) => !isSet(name));
  return Object.keys(environment).flatMap((name) => {
    if (ours.has(name) || !isSet(name)) return [];
    if (ADDRESS_OF_A_SERVICE.test(environment[name] ?? '')) return [];
    const meant = meantBy(name, free);
    return meant === undefined ? [] : [{ name, meant }];
  });
}

function meantBy(name: string, known: readonly string[]): string | undefined {
  const upper = name.toUpperCase().replace(/^MANDATE_/, '');
  if (upper !== name && known.includes(upper)) return upper;
  const byDistance = known
    .map((other) => ({ other, distance: letterDistance(name, other) }))
    .filter((one) => one.distance <= allowance(one.other))
    .toSorted((one, another) => one.distance - another.distance);
  return byDistance[0]?.other;
}

/** How many letters may differ: in short names hardly any two are far apart. */
function allowance(name: string): number {
  if (name.length < 8) return 0;
  return name.length < 12 ? 1 : 2;
}

/**
 * How many letters have to be replaced, added, taken away or swapped with the next to make one text of another (optimal
 * string alignment).
 */
export function letterDistance(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const same = one[i - 1] === other[j - 1];
      let least = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (i > 1 && j > 1 && swapped) least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[other.length] ?? 0;
}
