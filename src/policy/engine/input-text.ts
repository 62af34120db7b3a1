import { hash } from 'node:crypto';
import { KeptOn } from '../../platform/kept-on.js';
import { canonicalJson, writtenCanonically } from './canonical-json.js';
import { isFields, isKnown, isRepresentable, type PolicyInput } from './input.js';

const texts = new KeptOn<string | null>('canonical text');

/**
 * The canonical JSON (RFC 8785) of an input, kept on it: its size is that of this text, its hash is over it, and that it
 * could be written says that Cedar can represent it. So an input is not to be changed once this was asked.
 *
 * @returns `null` for what is not written so simply (`writtenCanonically`)
 */
export function canonicalText(input: PolicyInput): string | null {
  // What is simulated may be any JSON.
  if (!isFields(input)) return null;
  let text = texts.get(input);
  if (text === undefined) {
    text = writtenCanonically(input);
    if (Object.isExtensible(input)) texts.set(input, text);
  }
  return text;
}

/** The size of an input, as `MAX_INPUT_BYTES` counts it: that of its JSON, whatever the order of members. */
export function inputBytes(input: PolicyInput): number {
  return Buffer.byteLength(canonicalText(input) ?? JSON.stringify(input));
}

/** The hash of an input, independent of the order of its members: hex SHA-256 of its canonical JSON (RFC 8785). */
export function inputSha256(input: PolicyInput): string {
  return hash('sha256', canonicalText(input) ?? canonicalJson(input), 'hex');
}

/** `isRepresentable`, by the text where there is one: then all strings are well-formed, and nothing is nested too deep. */
export function canBeAsked(input: PolicyInput): boolean {
  return canonicalText(input) === null ? isRepresentable(input) : isKnown(input);
}
