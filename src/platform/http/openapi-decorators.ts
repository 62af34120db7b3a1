import type { ApiPropertyOptions } from '@nestjs/swagger';

type Swagger = typeof import('@nestjs/swagger');

/** What is to be told to `@nestjs/swagger` once it is loaded, in the order of the code. */
const kept: ((swagger: Swagger) => void)[] = [];

/**
 * The decorators of `@nestjs/swagger`, under the same names, which take effect when the OpenAPI document is asked for
 * ({@link loadSwagger}). To load that package takes a seventh of the time of a start, and few ever ask. The build has
 * `scripts/openapi-hints.mjs` use them as well.
 */
export const ApiBasicAuth = later(({ ApiBasicAuth: decorator }) => decorator);
export const ApiBearerAuth = later(({ ApiBearerAuth: decorator }) => decorator);
export const ApiBody = later(({ ApiBody: decorator }) => decorator);
export const ApiConsumes = later(({ ApiConsumes: decorator }) => decorator);
export const ApiExcludeController = later(({ ApiExcludeController: decorator }) => decorator);
export const ApiExtension = later(({ ApiExtension: decorator }) => decorator);
export const ApiHeader = later(({ ApiHeader: decorator }) => decorator);
export const ApiOkResponse = later(({ ApiOkResponse: decorator }) => decorator);
export const ApiOperation = later(({ ApiOperation: decorator }) => decorator);
export const ApiParam = later(({ ApiParam: decorator }) => decorator);
export const ApiQuery = later(({ ApiQuery: decorator }) => decorator);
export const ApiResponse = later(({ ApiResponse: decorator }) => decorator);
export const ApiTags = later(({ ApiTags: decorator }) => decorator);

/** What the document says of a member of a body or of a query, beside what its type says. */
export function ApiProperty(options: ApiPropertyOptions): PropertyDecorator {
  return (...place) => {
    kept.push(({ ApiProperty: decorator }) => {
      Reflect.apply(decorator(options), undefined, place);
    });
  };
}

/** The extension in which the document keeps, until it is made, what {@link Answers} was given. */
export const MEDIA_TYPES = 'x-media-types';

/**
 * Says what a handler answers that writes its answer itself, or one whose return type says less. The build reads the type
 * (`scripts/openapi-answers.mjs`).
 *
 * @typeParam T what `JSON.stringify` is given, or `string`
 * @param mediaTypes in which it may be, if not `application/json`
 */
// oxlint-disable-next-line no-unnecessary-type-parameters -- it is what the build reads
export function Answers<T>(...mediaTypes: readonly string[]): MethodDecorator & { of?: T } {
  return ApiExtension(MEDIA_TYPES, mediaTypes);
}

/** Loads `@nestjs/swagger`, and lets it know of all decorators that were kept. */
export async function loadSwagger(): Promise<Swagger> {
  const swagger = await import('@nestjs/swagger');
  for (const decorate of kept.splice(0)) decorate(swagger);
  return swagger;
}

function later<Args extends unknown[]>(
  decoratorOf: (swagger: Swagger) => (...args: Args) => ClassDecorator | MethodDecorator,
): (...args: Args) => ClassDecorator & MethodDecorator {
  return (...args) =>
    (...place: unknown[]) => {
      kept.push((swagger) => void Reflect.apply(decoratorOf(swagger)(...args), undefined, place));
    };
}
