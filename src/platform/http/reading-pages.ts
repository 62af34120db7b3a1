import { createHash } from 'node:crypto';
import type { Request, RequestHandler } from 'express';

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}
dt{font-weight:600}dd{margin:0 0 .75rem}`;

/** What browsers may do with a page, and with all that it loads: nothing but show it, from here. */
function headersOf(policy: readonly string[]): Readonly<Record<string, string>> {
  return {
    'Content-Security-Policy': [
      "default-src 'none'",
      ...policy,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'X-Robots-Tag': 'noindex',
  };
}

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
const START_HEADERS = headersOf([`style-src 'sha256-${STYLE_HASH}'`]);

/** What is at `/`, by its path. Relative, as there may be a prefix in front of us. */
const PLACES: readonly (readonly [path: string, what: string])[] = [
  ['health', 'Whether the process turns'],
  ['ready', 'Whether it can issue mandates now'],
  ['.well-known/oauth-authorization-server', 'Metadata, where zones share an issuer (RFC 8414)'],
];
const DOCS: typeof PLACES = [
  ['docs', 'Every route, to read and to try'],
  ['docs-json', 'The same as an OpenAPI document, to generate clients from'],
];

/**
 * The page at `/`, for a person who has found the address: what this is, and where to go on.
 *
 * @param withDocs whether the documentation of routes is on the port that was asked
 */
export function startPage(withDocs: (request: Request) => boolean): RequestHandler {
  const pageOf = (places: typeof PLACES) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Mandate</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><h1>Mandate</h1>
<p>This is an OAuth 2.0 Security Token Service. It exchanges the authority that services and agents have for
<em>mandates</em>: tokens that allow less, for a shorter time. There is nothing to log in to here.</p>
<dl>${places.map(([path, what]) => `<dt><a href="./${path}">/${path}</a></dt><dd>${what}</dd>`).join('\n')}</dl>
</body></html>
`;
  const [whole, withoutDocs] = [pageOf([...DOCS, ...PLACES]), pageOf(PLACES)];
  return (request, response) => {
    response
      .set({ ...START_HEADERS, 'Cache-Control': 'public, max-age=300' })
      .type('text/html; charset=utf-8')
      .send(withDocs(request) ? whole : withoutDocs);
  };
}

/** `data:` is for the icons in the viewer's style. */
const DOCS_HEADERS = headersOf([
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
]);

/** Gives the pages of the documentation, and what they load, their headers. */
export const docsHeaders: RequestHandler = (_request, response, next) => {
  response.set(DOCS_HEADERS);
  next();
};

/** The page of the documentation: the viewer's own has its style in it, which the policy would have to allow. */
export const docsPage: RequestHandler = (request, response) => {
  const at = request.path.endsWith('/') ? './' : './docs/';
  response.set('Cache-Control', 'no-cache').type('text/html; charset=utf-8').send(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Mandate: API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${at}swagger-ui.css">
<link rel="icon" type="image/png" href="${at}favicon-32x32.png" sizes="32x32"></head>
<body><div id="swagger-ui"></div>
<script src="${at}swagger-ui-bundle.js"></script>
<script src="${at}swagger-ui-standalone-preset.js"></script>
<script src="${at}swagger-ui-init.js"></script></body></html>
`);
};
