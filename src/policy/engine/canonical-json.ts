import canonicalize from 'canonicalize';
import { isFields, isWellFormed } from './input.js';

/**
 * The canonical JSON (RFC 8785) of a JSON value: members in the order of their names. It is written here, in half the time
 * of the library; what cannot be written so simply, or RFC 8785 refuses, is left to that.
 *
 * @throws {Error} for what is no JSON: lone surrogates, numbers that are not finite
 */
export function canonicalJson(value: object): string {
  return written(value) ?? canonicalize(value) ?? '';
}

/** @returns `null` for what is left to the library */
function written(value: unknown): string | null {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : null;
  if (typeof value === 'boolean' || value === null) return String(value);
  if (!isFields(value) || 'toJSON' in value) return null;
  if (Array.isArray(value)) return list(value);
  let text = '';
  for (const name of Object.keys(value).toSorted()) {
    if (value[name] === undefined) continue;
    const member = NAME.test(name) ? written(value[name]) : null;
    if (member === null) return null;
    text += `${text === '' ? '' : ','}"${name}":${member}`;
  }
  return `{${text}}`;
}

function list(values: readonly unknown[]): string | null {
  let text = '';
  for (const [n, value] of values.entries()) {
    const member = written(value);
    if (member === null) return null;
    text += n === 0 ? member : `,${member}`;
  }
  return `[${text}]`;
}

/** Most strings need no escapes. */
function quoted(text: string): string | null {
  if (PLAIN.test(text)) return `"${text}"`;
  return isWellFormed(text) ? JSON.stringify(text) : null;
}

/** The names that members of ours have: their order is that of their characters in whatever encoding. */
const NAME = /^[a-z][a-z0-9_]*$/i;
/** Text without control characters, quotation marks, backslashes and surrogates. */
const PLAIN = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;
