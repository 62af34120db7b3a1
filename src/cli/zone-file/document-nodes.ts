import { isAlias, isMap, isNode, isScalar, visit, type Document } from 'yaml';
import { WrongZoneFile, type Path } from './problems.js';

/** How many times what has an anchor may be meant again: more is no convenience but a bomb. */
const MAX_ALIASES = 100;

/** What a document says. @throws {WrongZoneFile} for anchors that are meant too many times over, or in a circle */
export function toValue(document: Document.Parsed, place: (offset: number) => string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch {
    let [first, why]: [number | null, string] = [null, ''];
    visit(document, {
      Alias: (_key, alias) => {
        const known = alias.resolve(document) !== undefined;
        if (first !== null && known) return undefined;
        first = alias.range?.[0] ?? 0;
        why = known
          ? `anchors are used more than ${MAX_ALIASES} times over, or in a circle`
          : `there is no anchor ${alias.source}`;
        return known ? undefined : visit.BREAK;
      },
    });
    throw new WrongZoneFile([`${place(first ?? 0)}: ${why}`]);
  }
}

/** Where what is at a path begins; what is not there, where it would be. */
export function offsetOf(document: Document.Parsed, path: Path): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = resolved(document, path.slice(0, length));
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

/** What is at a path; where that is another name for something, that. */
export function resolved(document: Document.Parsed, path: Path): unknown {
  const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  return isAlias(node) ? node.resolve(document) : node;
}

/** Where the name of a member begins. */
export function offsetOfName(document: Document.Parsed, path: Path): number {
  const map = resolved(document, path.slice(0, -1));
  const name = path.at(-1);
  if (!isMap(map)) return offsetOf(document, path);
  const pair = map.items.find(({ key }) => isScalar(key) && String(key.value) === name);
  return isNode(pair?.key) && pair.key.range ? pair.key.range[0] : offsetOf(document, path);
}
