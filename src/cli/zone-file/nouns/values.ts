import { z } from 'zod';
import type { JsonValue } from '../../../oauth/strict-json.js';
import { readRegisteredJwks } from '../../../zones/issuers/jwks.js';
import { InvalidKeySet, PRIVATE_MEMBERS } from '../../../zones/issuers/jwk.js';

/** One line of text, as the API takes it: 1 to 200 printable characters, without space at the edges. */
export const line = () =>
  z
    .string()
    .min(1)
    .max(200)
    .regex(
      /^(?!\s)[^\p{Cc}\u2028-\u202E\u2066-\u2069]*(?<!\s)$/u,
      'must be one line of printable characters without space at the edges',
    );

/** An absolute URI. */
export const identifier = () =>
  z
    .string()
    .max(2000)
    .regex(/^[A-Za-z][A-Za-z0-9+.-]*:[^#\s]+$/, 'must be an absolute URI without fragment');

/** A scope token (RFC 6749 3.3). */
export const scopeToken = () =>
  z
    .string()
    .max(200)
    .regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, 'must be a scope token (RFC 6749 3.3)');

/** The name of an issuer. */
export const issuerName = () =>
  z.string().regex(/^[!-~]{1,500}$/, 'must be 1 to 500 printable ASCII characters');

/** A key set (RFC 7517 5). */
export const keySet = () =>
  z.looseObject({
    keys: z
      .array(
        z
          .record(z.string(), z.json())
          .refine((key) => !PRIVATE_MEMBERS.some((member) => member in key), {
            error: 'must be a public key: a private or symmetric one is a secret, and known by now',
          }),
      )
      .max(10),
  });

/** A key set with the members that are stored. One that is refused stays as it is, for the API to say why. */
export function canonicalKeySet(value: JsonValue): JsonValue {
  try {
    const { keys } = readRegisteredJwks(value);
    return { keys: keys.map((key) => ({ ...key })) };
  } catch (error) {
    if (error instanceof InvalidKeySet) return value;
    throw error;
  }
}

/** The name of a type of step-up. */
export const typeName = () =>
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/, 'must be the name of a step-up type');

/** A moment, with its offset (RFC 3339). */
export const instant = () =>
  z
    .string()
    .refine(
      (text) =>
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/.test(text) &&
        !Number.isNaN(Date.parse(text)),
      { error: 'must be a date and time with offset (RFC 3339)' },
    )
    .meta({ format: 'date-time' });

/** Where a secret comes from: the file never has it. */
export const secretFrom = () => {
  const env = z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable')
    .describe('The environment variable that has it, of whoever runs `mandate apply`.');
  const file = z
    .string()
    .min(1)
    .describe(
      'The file that has it, relative to the zone file; a line break at its end is not part of it.',
    );
  return { env, file };
};
