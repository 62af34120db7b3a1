import { registerDecorator, type ValidationOptions } from 'class-validator';
import { isResourceIdentifier } from '../oauth/resource-identifier.js';
import { isScopeToken } from '../oauth/scope.js';

/** Control characters (Unicode Cc), lone surrogates (Cs) and U+FFFD: nothing that a person typed. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\uFFFD]/u;
const UNPRINTABLE_IN_LINES = /[^\P{Cc}\n\r\t]|[\p{Cs}\uFFFD]/u;

function check(
  name: string,
  message: string,
  test: (value: unknown) => boolean,
): (options?: ValidationOptions) => PropertyDecorator {
  return (options) => (target, property) => {
    registerDecorator({
      name,
      target: target.constructor,
      propertyName: String(property),
      options: { message: (args) => `${args.property} ${message}`, ...options },
      validator: { validate: test },
    });
  };
}

/** One line of text: 1 to 200 characters, none of them invisible, no space at the edges. */
export const IsLine = check(
  'isLine',
  'must be 1 to 200 printable characters without space at the edges',
  (value) =>
    typeof value === 'string' &&
    value.length >= 1 &&
    value.length <= 200 &&
    value.trim() === value &&
    !UNPRINTABLE.test(value),
);

/** Text of several lines, such as a policy: not empty, nothing that PostgreSQL cannot store. */
export const IsTextBlock = check(
  'isTextBlock',
  'must be text without control characters',
  (value) => typeof value === 'string' && value !== '' && !UNPRINTABLE_IN_LINES.test(value),
);

/** A scope token (RFC 6749 3.3). */
export const IsScopeToken = check(
  'isScopeToken',
  'must be scope tokens (RFC 6749 3.3)',
  (value) => typeof value === 'string' && value.length <= 200 && isScopeToken(value),
);

/** A resource identifier (RFC 8707 2). */
export const IsResourceIdentifier = check(
  'isResourceIdentifier',
  'must be an absolute URI without fragment',
  (value) => typeof value === 'string' && isResourceIdentifier(value),
);
