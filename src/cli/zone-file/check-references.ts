import { namesAfter, type Draft } from './draft.js';
import { nameOf, type Item, type Noun } from './field.js';
import { namesIn } from './live-zone.js';
import { NOUNS } from './nouns/nouns.js';
import { ZONE } from './nouns/zone-noun.js';
import { WrongZoneFile, writePath, type Path } from './problems.js';

/** @throws {WrongZoneFile} for names of what is not there, and will not be */
export function checkReferences(draft: Draft): void {
  const { document } = draft;
  const places: [Noun, Item, Path][] = [[ZONE, document.zone, ['zone']]];
  for (const noun of NOUNS) {
    const items = document.sections.get(noun.section) ?? [];
    items.forEach((item, n) => places.push([noun, item, [noun.section, n]]));
  }
  const problems = places.flatMap(([noun, item, path]) =>
    Object.entries(noun.fields).flatMap(([field, { refersTo }]) => {
      if (refersTo === undefined) return [];
      const known = namesAfter(draft, refersTo);
      return namesIn(item[field])
        .filter((name) => !known.has(name) && !staysUnknown(draft, noun, item, field, name))
        .map((name) => {
          const here = [...path, field];
          return `${document.at(here)}: ${writePath(here)}: there is no ${nounTitle(refersTo)} ${name}, here or in the zone${goes(draft, refersTo, name)}`;
        });
    }),
  );
  if (problems.length > 0) throw new WrongZoneFile(problems);
}

/** What there was may name what is gone: the API lets that stay. */
function staysUnknown(
  { live }: Draft,
  noun: Noun,
  item: Item,
  field: string,
  name: string,
): boolean {
  const present =
    noun === ZONE
      ? live?.item
      : live?.things.get(noun.section)?.find((one) => one.name === nameOf(noun, item))?.item;
  return namesIn(present?.[field]).includes(name) && noun.fields[field]?.byId !== true;
}

function goes(draft: Draft, section: string, name: string): string {
  const present = (draft.live?.things.get(section) ?? []).some((thing) => thing.name === name);
  return present ? ' once --prune has removed it' : '';
}

function nounTitle(section: string): string {
  return NOUNS.find((noun) => noun.section === section)?.title ?? section;
}
