import { KeptOn } from '../platform/kept-on.js';

const texts = new KeptOn<string>('JSON');

/**
 * Keeps the JSON of a value on it, where parts of that are known already, so that it is not written again as a member of
 * an event. The value is not to be changed afterwards.
 *
 * @param json what `JSON.stringify` makes of the value, with members in whatever order
 */
export function withJson<T extends object>(value: T, json: string): T {
  texts.set(value, json);
  return value;
}

/** The JSON of a value, kept on it or written; `undefined` for what JSON leaves out. */
export function jsonOf(value: unknown): string | undefined {
  if (typeof value === 'string') return jsonOfText(value);
  if (typeof value === 'object' && value !== null) {
    const known = texts.get(value);
    if (known !== undefined) return known;
  }
  return JSON.stringify(value);
}

/** The JSON of a text. Most need no escapes. */
export function jsonOfText(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Text without control characters, quotation marks, backslashes and surrogates. */
const PLAIN = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;
