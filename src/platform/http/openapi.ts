import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { Router, type Express, type RequestHandler } from 'express';
import { isOnInternalPort } from './internal-port.js';
import { loadSwagger } from './openapi-decorators.js';
import { makeDocument } from './openapi-document.js';
import { docsHeaders, docsPage, startPage } from './reading-pages.js';

/**
 * Serves a start page at `/`, the OpenAPI document at `/docs-json` and pages to read it at `/docs`, with everything that
 * they load below it. Call it before the application is initialised: the routes must come before the
 * answer for unknown ones. What makes them is loaded by the first request.
 *
 * @param publicUrl where the public port is found, if there is an internal one, which alone has the documentation then;
 *   `null`: there is one port
 */
export function serveDocs(app: NestExpressApplication, publicUrl: string | null = null): void {
  let pages: Promise<RequestHandler> | undefined;
  const answer: RequestHandler = (request, response, next) => {
    pages ??= makePages(app, publicUrl);
    pages.then((found) => found(request, response, next), next);
  };
  const server: Express = app.getHttpAdapter().getInstance();
  server.get(
    '/',
    startPage((request) => publicUrl === null || isOnInternalPort(request)),
  );
  for (const path of ['/docs', '/docs/*path', '/docs-json']) server.get(path, docsHeaders, answer);
}

async function makePages(
  app: NestExpressApplication,
  publicUrl: string | null,
): Promise<RequestHandler> {
  const swagger = await loadSwagger();
  const document = await makeDocument(app, swagger, publicUrl);
  const router = Router();
  router.get('/docs', docsPage);
  const adapter = new ExpressAdapter(router);
  // The application, as it would be if it had no other routes.
  const pages: NestExpressApplication = Object.create(app, {
    getHttpAdapter: { value: () => adapter },
    useStaticAssets: { value: adapter.useStaticAssets.bind(adapter) },
  });
  swagger.SwaggerModule.setup('docs', pages, document, {
    jsonDocumentUrl: 'docs-json',
    raw: ['json'],
    // It would ask a service of others whether the document is valid.
    swaggerOptions: { docExpansion: 'none', filter: true, validatorUrl: null },
  });
  return router;
}
