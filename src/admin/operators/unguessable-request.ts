import { BadRequestException } from '@nestjs/common';
import type { Request } from 'express';
import { idempotencyKeyOf } from '../../delegation/coordinator/idempotency.js';

/** Characters that 128 random bits take as base64url; a UUID has more. */
const FEWEST_CHARACTERS = 22;

/**
 * Checks that a request that is answered with a key of an operator cannot be guessed: whoever sends it again is given the same
 * key, and may be whoever else has the key that is borne.
 *
 * @throws {BadRequestException} for an `Idempotency-Key` that can be guessed
 */
export function checkUnguessable(request: Request): void {
  const key = idempotencyKeyOf(request);
  if (key === null || key.length >= FEWEST_CHARACTERS) return;
  throw new BadRequestException(
    `Idempotency-Key must have at least ${FEWEST_CHARACTERS} characters here, such as a random UUID: whoever repeats it is given the key`,
  );
}
