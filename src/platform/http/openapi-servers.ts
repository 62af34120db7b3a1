import { isInternalPath, isProbePath } from './internal-port.js';

/** Where requests go (OpenAPI 3.1 4.8.5). */
interface Server {
  readonly url: string;
  readonly description: string;
}

/** The only port that there is. */
export const HERE: Server = { url: '/', description: 'This port' };

/** The port that the document is read at, where there are two. */
export const INTERNAL: Server = {
  url: '/',
  description: 'The internal port, which has the routes of operators, figures and this document',
};

/** The port that is published. @param url `ISSUER_URL` */
export function publicServer(url: string): Server {
  return { url, description: 'The public port, which has the routes of everybody else' };
}

/** Which of two ports have a path, the one where the document is read first. */
export function serversOf(path: string, publicUrl: string): Server[] {
  const isPublic = !isInternalPath(path);
  return [
    ...(isPublic && !isProbePath(path) ? [] : [INTERNAL]),
    ...(isPublic ? [publicServer(publicUrl)] : []),
  ];
}
