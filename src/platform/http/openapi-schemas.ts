import type { OpenAPIObject } from '@nestjs/swagger';

/** One operation of the document. */
export type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** A JSON schema as OpenAPI 3.1 takes it. */
export type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

/**
 * What is known of an answer that is a stream of events (server-sent events in the HTML standard). It has no type: some
 * generators take it for the text, others for each event.
 */
export const EVENT_STREAM: Schema = { description: 'A stream of events (server-sent events)' };

/**
 * Rewrites the `nullable` of OpenAPI 3.0, in which `@nestjs/swagger` speaks, into JSON Schema 2020-12, which is what 3.1
 * has.
 */
export function inJsonSchema<T>(document: T): T {
  const text = JSON.stringify(document, (_name, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('nullable' in value)) return value;
    const { nullable, ...schema } = value;
    if (typeof nullable !== 'boolean') return value;
    return nullable ? orNull(schema) : schema;
  });
  const rewritten: T = JSON.parse(text);
  return rewritten;
}

function orNull(schema: Readonly<Record<string, unknown>>): object {
  const { type, enum: values, ...rest } = schema;
  if (typeof type === 'string') {
    return {
      type: [type, 'null'],
      ...(Array.isArray(values) ? { enum: [...new Set([...values, null])] } : {}),
      ...rest,
    };
  }
  if (type === undefined) {
    const { description, allOf, ...other } = rest;
    const [only, ...others] = Array.isArray(allOf) ? allOf : [other];
    if (others.length === 0) {
      return {
        ...(description === undefined ? {} : { description }),
        anyOf: [only, { type: 'null' }],
      };
    }
  }
  return schema;
}
