import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { sendDocument, type PublicDocument } from './public-document.js';

/** A route of a public document that can be sent from memory. */
export interface PublicRoute {
  /** Its template, for metrics, such as `/zones/:zone/.well-known/jwks.json`. */
  readonly route: string;
  /** What its URLs look like, from the first character to the last, query included. The groups are given to `ready`. */
  readonly url: RegExp;
  /** Whether it is for a request, beyond its URL; for all if absent. */
  readonly meant?: (request: IncomingMessage) => boolean;
  /** The document if it can be sent at once, without a query; else `null`. */
  readonly ready: (...groups: string[]) => PublicDocument | null;
  /** The value of `Content-Type`. */
  readonly type: (request: IncomingMessage) => string;
}

/** The functions of the rest of the program that {@link PublicRoutes} uses. */
export interface PublicRoutePorts {
  /** Tells in headers how the request is named. */
  readonly nameRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Called for each answer, with the template of its route. */
  readonly answered: (method: string, route: string, status: number, seconds: number) => void;
}

/**
 * The routes of public documents, answered in front of the framework and of the limits of requests in flight: verifiers
 * ask for key sets by the thousands, and the framework's work for each would delay token requests. What is not in memory
 * goes the usual way to the controller of the same route, which answers alike.
 */
@Injectable()
export class PublicRoutes {
  private readonly routes: PublicRoute[] = [];

  /** Adds a route, beside the controller that documents it. */
  add(...routes: readonly PublicRoute[]): void {
    this.routes.push(...routes);
  }

  /** A listener that answers what is ready, and gives all other requests to `next`. */
  before(next: RequestListener, { nameRequest, answered }: PublicRoutePorts): RequestListener {
    return (request, response) => {
      const { method = '' } = request;
      const found = method === 'GET' || method === 'HEAD' ? this.find(request) : null;
      if (found === null) {
        next(request, response);
        return;
      }
      const started = performance.now();
      nameRequest(request, response);
      const { route, type } = found.route;
      const status = sendDocument(found.document, type(request), request, response);
      answered(method, route, status, (performance.now() - started) / 1_000);
    };
  }

  private find(request: IncomingMessage): { route: PublicRoute; document: PublicDocument } | null {
    for (const route of this.routes) {
      const groups = route.url.exec(request.url ?? '');
      if (groups === null || route.meant?.(request) === false) continue;
      const document = route.ready(...groups.slice(1));
      return document === null ? null : { route, document };
    }
    return null;
  }
}
