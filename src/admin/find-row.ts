import { NotFoundException } from '@nestjs/common';
import type { FindOptionsWhere, ObjectLiteral, Repository } from 'typeorm';
import { isUuid } from '../oauth/vocabulary.js';

/**
 * @throws {NotFoundException} if there is nothing
 */
export function found<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new NotFoundException(`no such ${what}`);
  return value;
}

/**
 * Finds a row by its id, within what else it must have, such as its zone.
 *
 * @param what what it is called where there is none
 * @throws {NotFoundException} for an unknown and a malformed id alike
 */
export async function findRow<R extends ObjectLiteral>(
  rows: Repository<R>,
  where: FindOptionsWhere<R> & { readonly id: string },
  what: string,
): Promise<R> {
  return found(isUuid(where.id) ? await rows.findOneBy(where) : null, what);
}
