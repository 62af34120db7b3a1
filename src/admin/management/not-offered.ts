import { UnprocessableEntityException } from '@nestjs/common';
import { isSaid } from './said.js';

/**
 * Refuses members of a body whose feature is not there, by name: what is stored in vain would be believed to count. What says
 * nothing (`null`, `false`, an empty text or list) is taken.
 *
 * @throws {UnprocessableEntityException} with each of them
 */
export function refuseNotOffered(body: object, names: readonly string[]): void {
  const asked = names.filter((name) => asksFor(Reflect.get(body, name)));
  if (asked.length === 0) return;
  const errors = asked.map((field) => ({
    field,
    message: 'this is not offered yet',
    code: 'not_offered',
  }));
  throw new UnprocessableEntityException({
    message: `not offered yet: ${asked.join(', ')}`,
    errors,
  });
}

function asksFor(value: unknown): boolean {
  return isSaid(value) && value !== false;
}
