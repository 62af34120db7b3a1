import { nameOf } from './field.js';
import type { LiveZone } from './live-zone.js';
import { NOUNS } from './nouns/nouns.js';
import type { Difference, Step } from './plan.js';
import type { ZoneDocument } from './read-zone-file.js';

/** What a plan is made with. */
export interface PlanOptions {
  /** Whether what the sections of the file do not list is removed. */
  readonly prune: boolean;
}

/** A plan that is being made. */
export interface Draft {
  readonly document: ZoneDocument;
  readonly live: LiveZone | null;
  readonly options: PlanOptions;
  readonly differences: Difference[];
  /** What is made and changed first. */
  readonly first: Step[];
  /** What can be said only once everything is there: what refers to things that are made later. */
  readonly later: Step[];
  readonly deletions: Step[];
  readonly unmanaged: { readonly noun: string; readonly name: string }[];
}

/** What there will be in a section once the plan is carried out. */
export function namesAfter(
  { document, live, options }: Pick<Draft, 'document' | 'live' | 'options'>,
  section: string,
): ReadonlySet<string> {
  const listed = document.sections.get(section);
  const noun = NOUNS.find((each) => each.section === section);
  const names = noun === undefined ? [] : (listed ?? []).map((item) => nameOf(noun, item));
  const present = (live?.things.get(section) ?? []).map(({ name }) => name);
  return new Set(options.prune && listed !== undefined ? names : [...names, ...present]);
}
