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
 * @param separate whether there is an internal port, which alone has the documentation then
 */
export function serveDocs(app: NestExpressApplication, separate = false): void {
  let pages: Promise<RequestHandler> | undefined;
  const answer: RequestHandler = (request, response, next) => {
    pages ??= makePages(app);
    pages.then((found) => found(request, response, next), next);
  };
  const server: Express = app.getHttpAdapter().getInstance();
  server.get(
    '/',
    startPage((request) => !separate || isOnInternalPort(request)),
  );
  for (const path of ['/docs', '/docs/*path', '/docs-json']) server.get(path, docsHeaders, answer);
}

async function makePages(app: NestExpressApplication): Promise<RequestHandler> {
  const swagger = await loadSwagger();
  const document = await makeDocument(app, swagger);
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
