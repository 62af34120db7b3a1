import { applyDecorators } from '@nestjs/common';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsInt,
  isISO8601,
  IsObject,
  IsOptional,
  Matches,
  Max,
  Min,
  registerDecorator,
  ValidateIf,
  ValidateNested,
  type ValidationOptions,
} from 'class-validator';
import { isResourceIdentifier } from '../../oauth/resource-identifier.js';
import { isScopeToken } from '../../oauth/scope.js';
import { isSubjectIdentifier } from '../../oauth/subject-identifier.js';
import { isHostPattern, isPathPattern } from '../outbound/outbound-policy.js';
import { ApiProperty } from './openapi-decorators.js';

/** Control characters (Unicode Cc), lone surrogates (Cs) and U+FFFD, which no person types. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\uFFFD]/u;
/** Line separators, and bidirectional controls, which make text read in another order than it is written. */
const REORDERING = /[\u2028\u2029\u202A-\u202E\u2066-\u2069]/;
const UNPRINTABLE_IN_LINES = /[^\P{Cc}\n\r\t]|[\p{Cs}\uFFFD]/u;

/** The most of a list that one answer has. */
export const MAX_LIMIT = 500;

const PRINTABLE_ASCII = /^[!-~]{1,500}$/;

/** Makes a class-validator decorator of a predicate. */
export function check(
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

/** One line of text: 1 to 200 characters, no control characters, no space at the edges. */
export const IsLine = check(
  'isLine',
  'must be 1 to 200 printable characters without space at the edges',
  isLine,
);

/** The same or nothing at all, for members that say nothing by an empty text. */
export const IsLineOrEmpty = check(
  'isLineOrEmpty',
  'must be at most 200 printable characters without space at the edges',
  (value) => value === '' || isLine(value),
);

/** What a list is searched for: 1 to 100 characters of one line, spaces at the edges included. */
export const IsSearchText = check(
  'isSearchText',
  'must be 1 to 100 printable characters',
  (value) =>
    typeof value === 'string' &&
    value.length >= 1 &&
    value.length <= 100 &&
    !UNPRINTABLE.test(value) &&
    !REORDERING.test(value),
);

/** Scheme, host and port as a browser writes them (RFC 6454 6.2), of http or https. */
export const IsOrigin = check(
  'isOrigin',
  'must be https, a host in lower case, and a port if it is another than 443: no path, no query, no trailing slash',
  (value) =>
    typeof value === 'string' &&
    value.length <= 300 &&
    /^https?:\/\//.test(value) &&
    URL.canParse(value) &&
    new URL(value).origin === value,
);

/** Text of several lines, such as a policy: not empty, nothing that PostgreSQL cannot store. */
export const IsTextBlock = check(
  'isTextBlock',
  'must be text without control characters',
  (value) => typeof value === 'string' && value !== '' && !UNPRINTABLE_IN_LINES.test(value),
);

/** A date and time with its offset (RFC 3339 5.6), which is less than 16 hours: PostgreSQL knows no more. */
export const IsInstant = check(
  'isInstant',
  'must be a date and time with offset (RFC 3339)',
  (value) =>
    typeof value === 'string' &&
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-5]):[0-5][0-9])$/.test(
      value,
    ) &&
    isISO8601(value, { strict: true }) &&
    !Number.isNaN(Date.parse(value)),
);

/** A whole number, which the document calls one: of TypeScript it would know only that it is a number. */
export const IsWholeNumber = (options: { readonly each?: boolean } = {}): PropertyDecorator =>
  applyDecorators(
    IsInt(options),
    ApiProperty(options.each === true ? { type: 'integer', isArray: true } : { type: 'integer' }),
  );

/** How many of a list are asked for at most, in a query. */
export const IsLimit = (): PropertyDecorator =>
  applyDecorators(
    IsOptional(),
    Type(() => Number),
    IsWholeNumber(),
    Min(1),
    Max(MAX_LIMIT),
    ApiProperty({ minimum: 1, maximum: MAX_LIMIT }),
  );

/**
 * A list whose members are all of one kind. The document has how many they may be.
 *
 * @param most how many they are at most
 * @param member what each of them is, such as {@link IsLine}
 */
export const IsListOf = (
  most: number,
  member: (options: { readonly each: true }) => PropertyDecorator,
): PropertyDecorator =>
  applyDecorators(
    member({ each: true }),
    ArrayMaxSize(most),
    IsArray(),
    ApiProperty({ maxItems: most }),
  );

/** A list of objects, each of which is looked at as such a body. The document has how many they may be. */
export const IsListOfBodies = (most: number, body: () => new () => object): PropertyDecorator =>
  applyDecorators(
    Type(body),
    ValidateNested({ each: true }),
    IsObject({ each: true }),
    ArrayMaxSize(most),
    IsArray(),
    ApiProperty({ maxItems: most }),
  );

/** What an issuer or an audience may be called: 1 to 500 printable ASCII characters, no space. */
export const IsPrintableAscii = (): PropertyDecorator =>
  applyDecorators(
    Matches(PRINTABLE_ASCII, { message: '$property must be 1 to 500 printable ASCII characters' }),
    ApiProperty({ pattern: PRINTABLE_ASCII.source }),
  );

/** An optional member. Unlike `IsOptional` it refuses `null`. */
export const MayBeAbsent = (): PropertyDecorator =>
  ValidateIf((_body, value) => value !== undefined);

/** A member of a merge patch (RFC 7396): absent for what stays, `null` for what is to be taken away. */
export const MayBeNull = (): PropertyDecorator =>
  ValidateIf((_body, value) => value !== undefined && value !== null);

/** An object without other members than these. */
export const HasOnlyMembers = (names: readonly string[]): PropertyDecorator =>
  check(
    'hasOnlyMembers',
    `must have no other members than ${names.join(', ')}`,
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      Object.keys(value).every((name) => names.includes(name)),
  )();

/** The most bytes of JSON that {@link IsShortJson} takes. */
const SHORT_JSON_BYTES = 4_096;
/** What `JSON.stringify` makes of U+0000 and of lone surrogates, which PostgreSQL cannot store. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/** JSON of at most 4 KiB, of text that PostgreSQL can store. */
export const IsShortJson = check(
  'isShortJson',
  `must be at most ${SHORT_JSON_BYTES} bytes of JSON, without U+0000`,
  (value) => {
    const text = JSON.stringify(value) ?? '';
    return Buffer.byteLength(text) <= SHORT_JSON_BYTES && !UNSTORABLE.test(text);
  },
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

/** A host, or `*.` and the name above those that are meant. */
export const IsHostPattern = check(
  'isHostPattern',
  'must be names in lower case, with *. before them or not, or addresses',
  (value) => typeof value === 'string' && isHostPattern(value),
);

/** A path of a URL, with `*` for any text. */
export const IsPathPattern = check(
  'isPathPattern',
  'must be paths of at most 500 characters, with at most nine *',
  (value) => typeof value === 'string' && isPathPattern(value),
);

/** A subject identifier, as in `sub` (RFC 7519 4.1.2). */
export const IsPrincipal = check(
  'isPrincipal',
  'must be something that can name a principal',
  isSubjectIdentifier,
);

function isLine(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value.length >= 1 &&
    value.length <= 200 &&
    value.trim() === value &&
    !UNPRINTABLE.test(value) &&
    !REORDERING.test(value)
  );
}
