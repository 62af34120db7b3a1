import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

type Json = Readonly<Record<string, unknown>>;

/** What a body may be, with examples by name. */
interface Content {
  readonly schema: Json;
  readonly examples?: Readonly<
    Record<string, { readonly summary: string; readonly value: unknown }>
  >;
}

/** What the document says of an answer. */
interface Response {
  readonly content?: Readonly<Record<string, Content>>;
  readonly headers?: Json;
}

/** An operation of the OpenAPI document. */
export interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema?: unknown;
  }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, Content>>;
  };
  readonly security?: readonly Record<string, unknown>[];
  readonly responses: Readonly<Record<string, Response>>;
}

/** Where requests go. */
export interface Server {
  readonly url: string;
  readonly description: string;
}

/** The OpenAPI document of a replica. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly servers: readonly Server[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Json>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
}

/** An operation, and where it is. */
export interface PlacedOperation {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** The operations of a document. */
export function operationsOf({ paths }: OpenApiDocument): PlacedOperation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
}

/** An answer that was really given. */
export interface Given {
  readonly method: string;
  /** Without a query. */
  readonly path: string;
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
}

/** Holds answers against a document, in which they have to be whole: a member that it does not name is a fault. */
export class OpenApiCheck {
  private readonly ajv: Ajv2020;
  private readonly schemas = new Map<string, ValidateFunction>();
  /** Templates with fewer parameters come first: they are meant where both fit. */
  private readonly templates: readonly (PlacedOperation & { readonly pattern: RegExp })[];

  constructor(document: OpenApiDocument) {
    this.ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(this.ajv);
    this.ajv.addSchema(closed({ components: document.components }) as Json, 'document');
    this.templates = operationsOf(document)
      .map((one) => ({ ...one, pattern: patternOf(one.path) }))
      .toSorted((one, other) => parametersIn(one.path) - parametersIn(other.path));
  }

  /** The operation that a request is for; `undefined` for none. */
  operationAt(method: string, path: string): PlacedOperation | undefined {
    return this.templates.find((one) => one.method === method && one.pattern.test(path));
  }

  /** @returns what is wrong, in words; empty if the document says all that the answer is */
  problemsWith({ method, path, status, type, text }: Given): string[] {
    const found = this.operationAt(method, path);
    if (found === undefined) return [];
    const { operation } = found;
    const at = `${operation.operationId} ${status}`;
    const response = operation.responses[String(status)];
    if (response === undefined) return [`${at}: the document does not have it`];
    const mediaType = type?.split(';')[0] ?? '';
    if (response.content === undefined) {
      return text === '' ? [] : [`${at}: has a body that the document does not have`];
    }
    const said = response.content[mediaType];
    if (said === undefined) return [`${at}: is ${mediaType}`];
    if (!/[/+]json$/.test(mediaType)) return [];
    const validate = this.validatorOf(`${at} ${mediaType}`, said.schema);
    if (validate(JSON.parse(text))) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${at}: ${instancePath.replaceAll(/\/\d+/g, '/*')} ${message ?? ''} ${JSON.stringify(params)}`,
    );
  }

  /** @returns what is wrong with an example, in words; a member that the schema does not have is a fault */
  problemsWithExample(at: string, schema: Json, value: unknown): string[] {
    const validate = this.validatorOf(at, schema);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${at}: ${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
    );
  }

  private validatorOf(at: string, schema: Json): ValidateFunction {
    const known = this.schemas.get(at) ?? this.ajv.compile(closed(schema) as Json);
    this.schemas.set(at, known);
    return known;
  }
}

/** The same schema, in which objects have no other members than those it names, and references lead into the document. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy: Record<string, unknown> = Object.fromEntries(
    Object.entries(schema).map(([name, member]) => [
      name,
      name === 'examples' ? member : closed(member),
    ]),
  );
  if (typeof copy['$ref'] === 'string' && copy['$ref'].startsWith('#')) {
    return { ...copy, $ref: `document${copy['$ref']}` };
  }
  const isObject = copy['type'] === 'object' && copy['properties'] !== undefined;
  return isObject ? { additionalProperties: false, ...copy } : copy;
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}

function parametersIn(path: string): number {
  return path.split('{').length;
}
