import { InvalidJson, readStrictJson, type JsonValue } from '../../oauth/strict-json.js';
import { parseCheckpoint, type Checkpoint } from '../../transparency-log/checkpoint.js';
import type { NoteKey } from '../../transparency-log/note-key.js';
import { openNote, parseNote } from '../../transparency-log/signed-note.js';

/** A checkpoint that was kept elsewhere, and where from. */
export interface KeptCheckpoint {
  /** The name of the file. */
  readonly from: string;
  readonly checkpoint: Checkpoint;
}

/**
 * Reads what was kept: a signed note, the body of a zone's checkpoint, or both as members `note` and `body` of what the API
 * answers. A note counts only if one of the keys has signed it.
 *
 * @param keys `null`: whoever signed it
 * @returns in words what is wrong with it, if it cannot be used
 */
export function readKept(
  from: string,
  text: string,
  keys: readonly NoteKey[] | null,
): readonly KeptCheckpoint[] | string {
  const parts = text.trimStart().startsWith('{') ? partsOf(text) : { text };
  if (parts === null) return `${from} is not JSON with the members note and body`;
  const kept: KeptCheckpoint[] = [];
  for (const part of Object.values(parts)) {
    const note = parseNote(part);
    const opened = note === null || keys === null ? null : openNote(part, keys);
    if (opened?.isValid === false) return `${from} does not count: ${opened.reason}`;
    const checkpoint = parseCheckpoint(note === null ? part : note.text);
    if (checkpoint === null) return `${from} is not a checkpoint`;
    if (opened?.isValid === true && !opened.by.some(({ name }) => name === checkpoint.origin)) {
      return `${from} does not count: no key of ${checkpoint.origin} has signed it`;
    }
    kept.push({ from, checkpoint });
  }
  return kept;
}

function partsOf(text: string): Readonly<Record<string, string>> | null {
  let value: JsonValue;
  try {
    value = readStrictJson(text);
  } catch (error) {
    if (error instanceof InvalidJson) return null;
    throw error;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const parts = Object.entries(value).filter(([name]) => name === 'note' || name === 'body');
  const strings = parts.filter((part): part is [string, string] => typeof part[1] === 'string');
  return strings.length === 0 || strings.length < parts.length ? null : Object.fromEntries(strings);
}
