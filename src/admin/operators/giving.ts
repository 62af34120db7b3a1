import { ForbiddenException } from '@nestjs/common';
import type { Operator } from './operator.js';
import { permissionsOf } from './roles.js';

/** What somebody has, or is to have. */
export interface Power {
  readonly role: string;
  readonly zones: readonly string[] | null;
}

/**
 * Checks that an operator has itself all that another has, or is to have. Otherwise a key that it draws for the other, or
 * what it takes from it, would be more than it may do.
 *
 * @throws {ForbiddenException} naming what it lacks
 */
export function checkHasItself(operator: Operator, { role, zones }: Power): void {
  const lacking = [...permissionsOf(role)].find((each) => !operator.permissions.has(each));
  if (lacking !== undefined) {
    throw new ForbiddenException(
      `nobody gives what they do not have: ${lacking}, of the role ${role}`,
    );
  }
  const own = operator.zones;
  if (own !== null && (zones === null || zones.some((each) => !own.includes(each)))) {
    throw new ForbiddenException('nobody gives what they do not have: some of the zones');
  }
}
