/** The members of an object that it says something of. */
export type Given<T extends object> = { [M in keyof T]?: Exclude<T[M], undefined> };

/**
 * The members of an object that are not `undefined`, which is what a body has for what was not sent: of columns these are to
 * be written, and the others stay.
 */
export function given<T extends object>(members: T): Given<T> {
  const kept: Given<T> = {};
  for (const name in members) {
    const value = members[name];
    if (isGiven(value)) kept[name] = value;
  }
  return kept;
}

function isGiven<V>(value: V): value is Exclude<V, undefined> {
  return value !== undefined;
}
