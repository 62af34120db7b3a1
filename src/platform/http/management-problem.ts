import type { FieldError } from './field-error.js';

/** Paths of Shyntr's management API. */
const MANAGEMENT = /^\/admin\/management(?:\/|$)/i;

/** Whether a path is one of Shyntr's management API. */
export function isManagementPath(path: string): boolean {
  return MANAGEMENT.test(path);
}

/**
 * What Shyntr says of an error beside its problem details (RFC 9457), in both of its forms: `status_code` and `user_message`
 * are the older one.
 *
 * @param problem the problem details
 */
export function shyntrMembers({
  status,
  detail,
  error,
  errors,
}: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const fields = Array.isArray(errors) ? errors.filter(isFieldError) : [];
  return {
    status_code: status,
    user_message: detail,
    code: error,
    ...(fields.length === 0
      ? {}
      : { field_errors: fields.map(({ field, message }) => ({ field, message })) }),
  };
}

function isFieldError(value: unknown): value is FieldError {
  return typeof value === 'object' && value !== null && 'field' in value && 'message' in value;
}
