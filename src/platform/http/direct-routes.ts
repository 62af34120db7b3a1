import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { isUuid } from '../../oauth/vocabulary.js';
import { LOGGER } from '../config/logger.js';
import { errorAnswer, logError } from './error-answer.js';
import { atDeadline, deadlinePassed } from './overload/deadline.js';
import { inFlightOf } from './overload/in-flight.js';
import { setRoute } from './route-of.js';

/** What a route answers, when nothing is wrong: always JSON. */
export interface DirectAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

/**
 * Answers requests of one route. What it throws is answered as what a controller throws.
 *
 * @param zoneId the zone in the path, if there is one
 */
export type DirectHandler = (
  request: IncomingMessage,
  zoneId: string | null,
) => Promise<DirectAnswer>;

/** A path of a zone: `/zones/`, a UUID, and the rest. */
const IN_ZONE = { before: '/zones/', id: 36 } as const;

/**
 * Routes that are answered in front of the framework, since they are taken so often that its work for each request is
 * felt. The controller of such a route has the same handler, answers what is written otherwise (another method, a query,
 * a path in other letters), and documents it.
 */
@Injectable()
export class DirectRoutes {
  private readonly handlers = new Map<string, DirectHandler>();
  private readonly handlersInZones = new Map<string, DirectHandler>();

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  /**
   * Adds a route.
   *
   * @param path without parameters
   */
  add(method: 'POST', path: string, handler: DirectHandler): void {
    this.handlers.set(`${method} ${path}`, handler);
  }

  /**
   * Adds a route of each zone, below `/zones/{zone}`. A path in which the zone is no UUID in lower case is left to the
   * controller.
   *
   * @param path what comes after the zone, without parameters
   */
  addInZones(method: 'POST', path: string, handler: DirectHandler): void {
    this.handlersInZones.set(`${method} ${path}`, handler);
  }

  /** A listener that answers these routes, and gives all other requests to `next`. */
  before(next: RequestListener): RequestListener {
    return (request, response) => {
      const found = this.find(request);
      if (found === null) {
        next(request, response);
        return;
      }
      const { handler, route, zoneId } = found;
      setRoute(request, route);
      this.answer(() => handler(request, zoneId), request, response).catch((error: unknown) => {
        // What cannot even be written down as an error ends the connection, and nobody else's.
        this.logger.error({ err: error }, 'a request could not be answered');
        response.destroy();
      });
    };
  }

  private find({ method = '', url = '' }: IncomingMessage) {
    const handler = this.handlers.get(`${method} ${url}`);
    if (handler !== undefined) return { handler, route: url, zoneId: null };
    if (!url.startsWith(IN_ZONE.before)) return null;
    const end = IN_ZONE.before.length + IN_ZONE.id;
    const [zoneId, path] = [url.slice(IN_ZONE.before.length, end), url.slice(end)];
    const inZones = this.handlersInZones.get(`${method} ${path}`);
    if (inZones === undefined || !isUuid(zoneId)) return null;
    return { handler: inZones, route: `/zones/:zone${path}`, zoneId };
  }

  /** What goes wrong is an answer, too. @throws what cannot be written */
  private async answer(
    answering: () => Promise<DirectAnswer>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    let answer: DirectAnswer;
    try {
      answer = await inTime(answering(), request);
    } catch (error) {
      const failure = errorAnswer(error, request, () => []);
      logError(this.logger, error, failure, request, response);
      answer = failure;
    }
    send(response, answer);
  }
}

/** What a handler answers within the deadline, which counts from the arrival of the request. */
function inTime(answer: Promise<DirectAnswer>, request: IncomingMessage): Promise<DirectAnswer> {
  return new Promise((resolve, reject) => {
    const answered = atDeadline(inFlightOf(request), () => reject(deadlinePassed()));
    void answer.then(resolve, reject).finally(answered);
  });
}

function send(response: ServerResponse, { status, headers, body }: DirectAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    ...headers,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  // As text it goes out in one piece with the headers.
  response.end(text);
}
