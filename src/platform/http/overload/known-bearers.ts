import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';

/**
 * Checks whether a request bears a key of an operator, of those who know such keys: operators have places of their own,
 * which strangers do not take. A check is made of every request for such a route before anything else, so it is quick, asks
 * nobody, and grants nothing but a place.
 */
@Injectable()
export class KnownBearers {
  private readonly checks: ((request: IncomingMessage) => boolean)[] = [];

  add(bears: (request: IncomingMessage) => boolean): void {
    this.checks.push(bears);
  }

  /** Whether a request bears a key that somebody knows. */
  bears(request: IncomingMessage): boolean {
    return this.checks.some((bears) => bears(request));
  }
}
