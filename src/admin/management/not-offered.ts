import { UnprocessableEntityException } from '@nestjs/common';

/**
 * Refuses members of a body whose feature is not there, by name: what is stored in vain would be believed to count. What says
 * nothing (`null`, `false`, an empty text or list) is taken.
 *
 * @throws {UnprocessableEntityException} with each of them
 */
export function refuseNotOffered(body: object, names: readonly string[]): void {
  const said = names.filter((name) => saysSomething(Reflect.get(body, name)));
  if (said.length === 0) return;
  const errors = said.map((field) => ({
    field,
    message: 'this is not offered yet',
    code: 'not_offered',
  }));
  throw new UnprocessableEntityException({
    message: `not offered yet: ${said.join(', ')}`,
    errors,
  });
}

function saysSomething(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== false && value !== '';
}
