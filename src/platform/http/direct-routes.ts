import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../config/logger.js';
import { errorAnswer, logError } from './error-answer.js';
import { atDeadline, deadlinePassed } from './overload/deadline.js';
import { inFlightOf } from './overload/in-flight.js';
import { setRoute } from './route-of.js';

/** What a route answers, when nothing is wrong: JSON, or a text whose type is among the headers. */
export interface DirectAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object | string;
}

/** Answers requests of one route. What it throws is answered as what a controller throws. */
export type DirectHandler = (request: IncomingMessage) => Promise<DirectAnswer>;

/** Answers requests of one route that each zone has. */
export type DirectZoneHandler = (request: IncomingMessage, zoneId: string) => Promise<DirectAnswer>;

/** The path of a zone, and what is below it. */
const IN_ZONE = /^\/zones\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(\/[^?]*)$/;

/**
 * Routes that are answered in front of the framework, since they are taken so often that its work for each request is
 * felt. The controller of such a route has the same handler, answers what is written otherwise (another method, a query,
 * a path in other letters), and documents it.
 */
@Injectable()
export class DirectRoutes {
  private readonly handlers = new Map<string, DirectHandler>();
  /** By method and the path below that of the zone. */
  private readonly ofZones = new Map<string, DirectZoneHandler>();

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
   * Adds a route that each zone has, below `/zones/{zone}`.
   *
   * @param path below that, without parameters
   */
  addOfZones(method: 'POST', path: string, handler: DirectZoneHandler): void {
    this.ofZones.set(`${method} ${path}`, handler);
  }

  /** A listener that answers these routes, and gives all other requests to `next`. */
  before(next: RequestListener): RequestListener {
    return (request, response) => {
      const found = this.find(request);
      if (found === null) {
        next(request, response);
        return;
      }
      setRoute(request, found.route);
      this.answer(found.handler, request, response).catch((error: unknown) => {
        // What cannot even be written down as an error ends the connection, and nobody else's.
        this.logger.error({ err: error }, 'a request could not be answered');
        response.destroy();
      });
    };
  }

  private find({ method = '', url = '' }: IncomingMessage) {
    const handler = this.handlers.get(`${method} ${url}`);
    if (handler !== undefined) return { handler, route: url };
    const [, zoneId = '', path = ''] = IN_ZONE.exec(url) ?? [];
    const ofZone = this.ofZones.get(`${method} ${path}`);
    if (ofZone === undefined) return null;
    const answer: DirectHandler = (request) => ofZone(request, zoneId);
    return { handler: answer, route: `/zones/:zone${path}` };
  }

  /** What goes wrong is an answer, too. @throws what cannot be written */
  private async answer(
    handler: DirectHandler,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    let answer: DirectAnswer;
    try {
      answer = await inTime(handler(request), request);
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
    const settle = async (): Promise<void> => {
      try {
        resolve(await answer);
      } catch (error) {
        reject(error);
      } finally {
        answered();
      }
    };
    void settle();
  });
}

function send(response: ServerResponse, { status, headers, body }: DirectAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const isText = typeof body === 'string';
  const text = isText ? body : JSON.stringify(body);
  response.writeHead(status, {
    ...headers,
    ...(isText ? {} : { 'Content-Type': 'application/json; charset=utf-8' }),
    'Content-Length': Buffer.byteLength(text),
  });
  // As text it goes out in one piece with the headers.
  response.end(text);
}
