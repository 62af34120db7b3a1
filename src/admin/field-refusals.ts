import {
  BadRequestException,
  ConflictException,
  UnprocessableEntityException,
} from '@nestjs/common';
import type { FieldError } from '../platform/http/field-error.js';

/** @returns the refusal of elements of a member that are not well-formed (400) */
export function malformed(errors: readonly FieldError[]): Error {
  const message = errors.map(({ field, message: text }) => `${field} ${text}`);
  return new BadRequestException({ message, errors });
}

/** @returns the refusal of a member that is well-formed, and cannot be so here (422) */
export function unprocessable(field: string, code: string, message: string): Error {
  return new UnprocessableEntityException(bodyOf({ field, code, message }));
}

/** @returns the refusal of a member that is at odds with what is there (409) */
export function conflicting(field: string, code: string, message: string): Error {
  return new ConflictException(bodyOf({ field, code, message }));
}

/**
 * Refuses another value of what never changes. The same may be sent along, as who changes one member sends all.
 *
 * @throws {ConflictException} if it is another
 */
export function refuseOther(field: string, asked: string | undefined, is: string): void {
  if (asked === undefined || asked === is) return;
  throw conflicting(field, 'cannot_change', 'cannot be changed');
}

function bodyOf(error: FieldError): { message: string; errors: FieldError[] } {
  return { message: `${error.field}: ${error.message}`, errors: [error] };
}
