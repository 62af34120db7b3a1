import { createHash } from 'node:crypto';
import {
  createParamDecorator,
  PreconditionFailedException,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { ApiHeader, ApiResponse } from '../platform/http/openapi-decorators.js';
import { FAILED } from './failed-conditions.js';

/**
 * The entity tag of what a view shows (RFC 9110 8.8.3): equal for equal views, so that no counter has to be kept
 * beside what is changed by SQL as well.
 */
export function entityTag(view: object): string {
  const digest = createHash('sha256').update(JSON.stringify(view)).digest('base64url');
  return `"${digest.slice(0, 22)}"`;
}

/** Answers with a view under its entity tag. @returns the view */
export function tagged<V extends object>(response: Response, view: V): V {
  response.setHeader('ETag', entityTag(view));
  return view;
}

/** The condition under which a request is to change something (RFC 9110 13.1.1). */
export class Precondition {
  /** @param ifMatch the header `If-Match`; absent: there is no condition */
  constructor(private readonly ifMatch: string | undefined) {}

  /**
   * Checks the condition. The caller must see to it that what is viewed stays so until it is changed.
   *
   * @param tag the entity tag of what is there
   * @throws {PreconditionFailedException} if another was expected. A weak tag (`W/"…"`) names nothing
   */
  check(tag: string): void {
    if (this.ifMatch === undefined) return;
    const expected = this.ifMatch.split(',').map((each) => each.trim());
    if (expected.includes(tag) || expected.includes('*')) return;
    throw new PreconditionFailedException(FAILED);
  }
}

const inDocument = [
  ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'The ETag of what is to be changed: if it is another by now, nothing happens',
  }),
  ApiResponse({ status: 412, description: 'It has changed since' }),
];

/** The {@link Precondition} of a request, as an argument of its handler. */
export const IfMatch = createParamDecorator(
  (_data: undefined, context: ExecutionContext) =>
    new Precondition(context.switchToHttp().getRequest<Request>().headers['if-match']),
  [
    (target, name = '') => {
      const handler = Object.getOwnPropertyDescriptor(target, name);
      if (handler !== undefined) for (const each of inDocument) each(target, name, handler);
    },
  ],
);
