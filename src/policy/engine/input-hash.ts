import { hash } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';
import type { PolicyInput } from './input.js';

/** The hash of an input, independent of the order of its members: hex SHA-256 of its canonical JSON (RFC 8785). */
export function inputSha256(input: PolicyInput): string {
  return hash('sha256', canonicalJson(input), 'hex');
}
