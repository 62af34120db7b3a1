import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Router, type Express, type RequestHandler } from 'express';
import { readManifest } from '../config/manifest.js';
import { loadSwagger } from './openapi-decorators.js';

type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['get']>;
type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** The schema of every error response but that of `/ready`. */
const errorSchema: Schema = {
  type: 'object',
  required: ['error', 'error_description', 'requestId'],
  properties: {
    error: { type: 'string', example: 'invalid_request' },
    error_description: { type: 'string' },
    requestId: {
      type: 'string',
      format: 'uuid',
      description: 'Of this request alone; in `Mandate-Request-Id`, the log and the audit event',
    },
  },
};

/**
 * Serves the OpenAPI document at `/docs-json` and pages to read it at `/docs`, with everything that
 * they load below it. Call it before the application is initialised: the routes must come before the
 * answer for unknown ones. What makes them is loaded by the first request.
 */
export function serveDocs(app: NestExpressApplication): void {
  let pages: Promise<RequestHandler> | undefined;
  const answer: RequestHandler = (request, response, next) => {
    pages ??= makePages(app);
    pages.then((found) => found(request, response, next), next);
  };
  const server: Express = app.getHttpAdapter().getInstance();
  for (const path of ['/docs', '/docs/*path', '/docs-json']) server.get(path, answer);
}

async function makePages(app: NestExpressApplication): Promise<RequestHandler> {
  const swagger = await loadSwagger();
  const document = describeRoutes(app, swagger);
  const router = Router();
  const adapter = new ExpressAdapter(router);
  // The application, as it would be if it had no other routes.
  const pages: NestExpressApplication = Object.create(app, {
    getHttpAdapter: { value: () => adapter },
    useStaticAssets: { value: adapter.useStaticAssets.bind(adapter) },
  });
  swagger.SwaggerModule.setup('docs', pages, document, {
    jsonDocumentUrl: 'docs-json',
    raw: ['json'],
    customSiteTitle: 'Mandate',
  });
  return router;
}

/** The OpenAPI document, generated from the controllers. */
function describeRoutes(
  app: NestExpressApplication,
  { DocumentBuilder, SwaggerModule }: Awaited<ReturnType<typeof loadSwagger>>,
): OpenAPIObject {
  const { version, description } = readManifest();
  const config = new DocumentBuilder()
    .setTitle('Mandate')
    .setVersion(version)
    .setDescription(description)
    .addBasicAuth({ type: 'http', scheme: 'basic', description: 'Client id and secret' }, 'client')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'A session mandate' }, 'mandate')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An admin key' }, 'admin')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'The metrics token' }, 'metrics')
    .build();
  const document = SwaggerModule.createDocument(app, config);
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Error: errorSchema },
  };
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation === undefined) continue;
      orderParameters(operation, path);
      describeErrors(operation);
    }
  }
  return document;
}

/** Names the parameters of a path in its order, whatever has declared them: clients are made from it. */
function orderParameters({ parameters }: Operation, path: string): void {
  const placeOf = (parameter: NonNullable<typeof parameters>[number]): number =>
    'name' in parameter && parameter.in === 'path'
      ? path.indexOf(`{${parameter.name}}`)
      : path.length;
  parameters?.sort((one, other) => placeOf(one) - placeOf(other));
}

/** Adds the error schema to every 4xx, 5xx and default response that the controller gives none. */
function describeErrors(operation: Operation): void {
  const { responses } = operation;
  responses['default'] ??= { description: 'Refused' };
  for (const [status, response] of Object.entries(responses)) {
    if (response === undefined || '$ref' in response || !/^([45]|default)/.test(status)) continue;
    response.content ??= {
      'application/json': { schema: { $ref: '#/components/schemas/Error' } },
    };
  }
}
