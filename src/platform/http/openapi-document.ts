import { readFile } from 'node:fs/promises';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { OpenAPIObject } from '@nestjs/swagger';
import { readManifest } from '../config/manifest.js';
import { addExamples } from './openapi-examples.js';
import { MEDIA_TYPES, type loadSwagger } from './openapi-decorators.js';
import { REFUSAL_SCHEMAS } from './openapi-refusal-schemas.js';
import { describeRefusals } from './openapi-refusals.js';
import { HERE, INTERNAL, publicServer, serversOf } from './openapi-servers.js';
import { inJsonSchema, type Operation, type Schema } from './openapi-schemas.js';
import { nameOperation, TAGS, tagOf } from './openapi-names.js';

type Responses = Operation['responses'];

/** What the build has found out of a handler (`scripts/openapi-answers.mjs`). */
interface Handler {
  /** `null`: its answer has no body; `false`: it only ever refuses. */
  readonly schema: Schema | false | null;
  readonly headers: readonly string[];
}

interface Answers {
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly schemas: Readonly<Record<string, Schema>>;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

const SECURITY_SCHEMES: NonNullable<NonNullable<OpenAPIObject['components']>['securitySchemes']> = {
  client: { type: 'http', scheme: 'basic', description: 'Client id and secret (RFC 6749 2.3.1)' },
  mandate: { type: 'http', scheme: 'bearer', description: 'A session mandate' },
  admin: { type: 'http', scheme: 'bearer', description: 'A key of an operator, or ADMIN_TOKEN' },
  metrics: { type: 'http', scheme: 'bearer', description: 'METRICS_TOKEN, if it is set' },
};

const RESPONSE_HEADERS: Readonly<Record<string, { description: string; schema: Schema }>> = {
  ETag: {
    description: 'What If-Match takes to change only what was seen',
    schema: { type: 'string' },
  },
  Location: { description: 'The path of what was made', schema: { type: 'string' } },
  'Mandate-Request-Id': {
    description: 'Of this request alone; in the log and the audit event, too',
    schema: { type: 'string', format: 'uuid' },
  },
};

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header' as const,
  required: false,
  description:
    'Names the request, so that it is carried out once however often it is sent within 24 hours: each has the first ' +
    'answer, with `Idempotency-Replayed: true`. Of this operator, method and path alone',
  schema: { type: 'string' as const, minLength: 1, maxLength: 255 },
};

/**
 * The OpenAPI document, generated from the controllers, and from what the build has found out of what they answer.
 *
 * @param publicUrl where the public port is found, if there is an internal one; `null`: there is one port
 */
export async function makeDocument(
  app: NestExpressApplication,
  { DocumentBuilder, SwaggerModule }: Awaited<ReturnType<typeof loadSwagger>>,
  publicUrl: string | null,
): Promise<OpenAPIObject> {
  const answers = await readAnswers();
  const { version, description } = readManifest();
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Mandate')
    .setVersion(version)
    .setDescription(description)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    autoTagControllers: false,
    operationIdFactory: (controller, method) => `${controller}.${method}`,
  });
  for (const [path, item] of Object.entries(document.paths)) {
    // Preflights (Fetch 4.8) are made by browsers, and by nobody who reads this.
    delete item.options;
    if (publicUrl !== null) item.servers = serversOf(path, publicUrl);
    for (const method of METHODS) {
      const operation = item[method];
      if (operation !== undefined) complete(operation, { method, path, answers });
    }
  }
  const used = new Set(
    Object.values(document.paths).flatMap((item) =>
      METHODS.flatMap((method) => item[method]?.tags ?? []),
    ),
  );
  return inJsonSchema({
    ...document,
    servers: publicUrl === null ? [HERE] : [INTERNAL, publicServer(publicUrl)],
    tags: TAGS.filter(({ name }) => used.has(name)).map((tag) => ({ ...tag })),
    components: {
      securitySchemes: SECURITY_SCHEMES,
      schemas: { ...document.components?.schemas, ...answers.schemas, ...REFUSAL_SCHEMAS },
    },
  });
}

/** What the build has found out; nothing, if it was none that does. */
async function readAnswers(): Promise<Answers> {
  try {
    const text = await readFile(new URL('openapi-answers.json', import.meta.url), 'utf8');
    const answers: Answers = JSON.parse(text);
    return answers;
  } catch {
    return { handlers: {}, schemas: {} };
  }
}

interface Place {
  readonly method: (typeof METHODS)[number];
  readonly path: string;
  readonly answers: Answers;
}

function complete(operation: Operation, { method, path, answers }: Place): void {
  // A route with several paths has a number behind its handler.
  const [, handler = '', copy] = /^(.+?)(?:\[(\d+)\])?$/.exec(operation.operationId ?? '') ?? [];
  operation.operationId = nameOperation(handler, Number(copy ?? 0));
  operation.tags = [tagOf(path)];
  if (path.startsWith('/internal/') && method !== 'get') addIdempotencyKey(operation);
  orderParameters(operation, path);
  typeParameters(operation);
  const found = answers.handlers[handler];
  if (found !== undefined) describeAnswer(operation, found, method === 'post' ? '201' : '200');
  describeRefusals(operation, { method, path });
  addExamples(operation);
  for (const response of Object.values(operation.responses)) {
    if (response === undefined || '$ref' in response) continue;
    response.headers = { ...named(['Mandate-Request-Id']), ...response.headers };
  }
}

/** Says of a change of an operator that it is carried out once for each key, whatever its controller says. */
function addIdempotencyKey(operation: Operation): void {
  const parameters = (operation.parameters ??= []);
  const others = parameters.filter((one) => !('name' in one) || one.name !== 'Idempotency-Key');
  operation.parameters = [...others, IDEMPOTENCY_KEY];
}

/** Names the parameters of a path in its order, whatever has declared them: clients are made from it. */
function orderParameters({ parameters }: Operation, path: string): void {
  const placeOf = (parameter: NonNullable<typeof parameters>[number]): number =>
    'name' in parameter && parameter.in === 'path'
      ? path.indexOf(`{${parameter.name}}`)
      : path.length;
  parameters?.sort((one, other) => placeOf(one) - placeOf(other));
}

/** What nobody has said more of is a text, as all in a path is. */
function typeParameters({ parameters = [] }: Operation): void {
  for (const parameter of parameters) {
    if ('$ref' in parameter || parameter.content !== undefined) continue;
    const { schema = {} } = parameter;
    if (Object.keys(schema).every((name) => name === 'format')) {
      parameter.schema = { type: 'string', ...schema };
    }
  }
}

/**
 * Gives the successes of an operation the schema of what its handler answers.
 *
 * @param usual the status of the method, if the controller has described none
 */
function describeAnswer(operation: Operation, { schema, headers }: Handler, usual: string): void {
  const mediaTypes = takeMediaTypes(operation);
  const { responses } = operation;
  if (schema === false) {
    for (const [status] of successesOf(responses)) Reflect.deleteProperty(responses, status);
    return;
  }
  dropGuessedStatus(responses);
  if (successesOf(responses).length === 0) responses[usual] = { description: '' };
  for (const [status, response] of successesOf(responses)) {
    response.headers = { ...response.headers, ...named(headers) };
    const hasBody = status !== '204' && schema !== null;
    const told = isGuess(response) ? undefined : response.content;
    if (response.description === '') response.description = hasBody ? 'Success' : 'Done';
    if (!hasBody) continue;
    response.content = {
      ...Object.fromEntries(mediaTypes.map((type) => [type, { schema }])),
      ...told,
    };
  }
}

type Described = Exclude<NonNullable<Responses[string]>, { $ref: string }>;

function successesOf(responses: Responses): [status: string, response: Described][] {
  return Object.entries(responses).flatMap<[string, Described]>(([status, response]) =>
    status.startsWith('2') && response !== undefined && !('$ref' in response)
      ? [[status, response]]
      : [],
  );
}

/** Whether a response is what `@nestjs/swagger` says of one that it knows nothing of. */
function isGuess({ description, content }: Described): boolean {
  return (
    description === '' &&
    (content === undefined ||
      JSON.stringify(content) === '{"application/json":{"schema":{"type":"object"}}}')
  );
}

/** Takes the status that was guessed away where there is one that a person described. */
function dropGuessedStatus(responses: Responses): void {
  const successes = successesOf(responses);
  if (successes.every(([, response]) => isGuess(response))) return;
  for (const [status, response] of successes) {
    if (isGuess(response)) Reflect.deleteProperty(responses, status);
  }
}

function takeMediaTypes(operation: Operation): readonly string[] {
  const told: unknown = Reflect.get(operation, MEDIA_TYPES);
  Reflect.deleteProperty(operation, MEDIA_TYPES);
  return Array.isArray(told) && told.length > 0 ? told : ['application/json'];
}

function named(headers: readonly string[]) {
  return Object.fromEntries(
    headers.map((header) => [header, RESPONSE_HEADERS[header] ?? { schema: { type: 'string' } }]),
  );
}
