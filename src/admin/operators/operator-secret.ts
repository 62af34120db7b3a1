import { createHash, randomBytes } from 'node:crypto';

/** What the keys of operators begin with, so that whoever finds one knows what it is. */
const PREFIX = 'mandate_op_';
const FORM = /^mandate_op_[A-Za-z0-9_-]{43}$/;

/** Draws a key: 256 random bits. */
export function newOperatorSecret(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

/** Whether a text has the form of such a key. */
export function isOperatorSecret(text: string): boolean {
  return FORM.test(text);
}

/** What is kept of a key. A fast digest is enough, since 256 random bits cannot be guessed. */
export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
