import { termsIn } from './terms-in.js';
import { firstId, timeOf } from './id-range.js';

/** Events whose terms are known, as `audit_index_remember` (audit-index.sql) takes them. */
export interface KnownTerms {
  readonly zones: readonly string[];
  readonly ids: readonly string[];
  /** Of each event. */
  readonly terms: readonly string[];
}

/** What is between the terms of an event, and between events. */
export const TERM_SEPARATOR = '\u001f';
export const EVENT_SEPARATOR = '\u001e';
/** Milliseconds by which ids in a chain may be out of their order, and much more. */
export const ASTRAY_MS = 60 * 60_000;
/** How many events are kept at most, and how many characters of their terms: what comes then is found in the log. */
const MOST = 5_000;
const MOST_CHARACTERS = 8 * 1_024 * 1_024;
/** How many characters of terms are taken at once, where one event has not more. */
const CHARACTERS_AT_ONCE = 1_024 * 1_024;

/**
 * The terms of what this process has recorded lately, so that nobody need read it again to index it. Nothing rests on it
 * being there: what is missing is found in the log.
 */
export class RecordedTerms {
  private readonly zones: string[] = [];
  private readonly ids: string[] = [];
  private readonly terms: string[] = [];
  private characters = 0;

  /** @param event as it was recorded */
  add(zoneId: string, id: string, event: Readonly<Record<string, unknown>>): void {
    if (this.ids.length >= MOST) return;
    const text = joinedTerms(termsIn(event));
    if (text === null || isStoredOtherwise(text)) return;
    // Clients name resources, which may be long.
    if (this.characters + text.length > MOST_CHARACTERS) return;
    this.zones.push(zoneId);
    this.ids.push(id);
    this.terms.push(text);
    this.characters += text.length;
  }

  /** Takes the oldest, fewer where their terms are long. @param most how many at most */
  take(most: number): KnownTerms {
    const many = this.fitting(most);
    const terms = this.terms.splice(0, many);
    this.characters -= charactersOf(terms);
    return { zones: this.zones.splice(0, many), ids: this.ids.splice(0, many), terms };
  }

  /** Keeps again what was taken, in front of what came since. */
  giveBack({ zones, ids, terms }: KnownTerms): void {
    this.zones.unshift(...zones);
    this.ids.unshift(...ids);
    this.terms.unshift(...terms);
    this.characters += charactersOf(terms);
  }

  get size(): number {
    return this.ids.length;
  }

  /** Whether there is as much as is taken at once. @param most how many at most */
  isMuch(most: number): boolean {
    return this.size >= most || this.characters > CHARACTERS_AT_ONCE;
  }

  private fitting(most: number): number {
    let characters = 0;
    for (const [many, { length }] of this.terms.entries()) {
      characters += length;
      if (many === most || (many > 0 && characters > CHARACTERS_AT_ONCE)) return many;
    }
    return this.size;
  }
}

function charactersOf(terms: readonly string[]): number {
  return terms.reduce((sum, { length }) => sum + length, 0);
}

/** The parameters of `audit_index_remember`. */
export function rememberValues({ zones, ids, terms }: KnownTerms): string[] {
  const [first = ''] = ids.toSorted();
  return [`{${zones.join()}}`, `{${ids.join()}}`, terms.join(EVENT_SEPARATOR), idsFrom(first)];
}

/** Terms as one text; `null` if one of them has a separator in it. */
export function joinedTerms(terms: readonly string[]): string | null {
  const text = terms.join(TERM_SEPARATOR);
  if (text.includes(EVENT_SEPARATOR)) return null;
  return terms.some((term) => term.includes(TERM_SEPARATOR)) ? null : text;
}

/** Before which no id is of an event that comes after another one in its chain. */
export function idsFrom(id: string): string {
  return firstId(timeOf(id) - ASTRAY_MS);
}

/** Whether a text has characters that the database stores as others: of surrogates only whole pairs stay what they are. */
function isStoredOtherwise(text: string): boolean {
  return /[\0\ud800-\udfff]/.test(text);
}
