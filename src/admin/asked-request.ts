import { createHash } from 'node:crypto';
import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { Request } from 'express';
import type { Observable } from 'rxjs';
import { readBody } from '../platform/http/body.js';
import { requestIdOf, type RequestId } from '../platform/http/request-id.js';
import { pathOf } from '../platform/http/steps.js';
import type { ConditionalRequest } from './failed-conditions.js';

/** The largest body that is read, in bytes: what is larger was refused before. */
const MAX_BODY_BYTES = 1_024 * 1_024;
const READING = ['GET', 'HEAD'];

/** What a request asks for, as far as two of them can be compared. */
export interface AskedRequest {
  /** SHA-256 of its query and its body. */
  readonly content: Buffer;
  /** SHA-256 of its method, its path and that. */
  readonly whole: Buffer;
  /** The approval that it names (`Approval`); `null` without one. */
  readonly approval: string | null;
  /** Under which condition it asks; `null` under none. */
  readonly conditional: ConditionalRequest | null;
}

const asked = new WeakMap<RequestId, AskedRequest>();

/** What is asked for by a request that changes something; `null` for a command, and for what asks nothing of that kind. */
export function askedRequestOf(requestId: RequestId): AskedRequest | null {
  return asked.get(requestId) ?? null;
}

/** Notes what each request to operators' routes asks for, once its body is there. */
@Injectable()
export class AskedRequests implements NestInterceptor {
  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<Request>();
    if (!READING.includes(request.method)) asked.set(requestIdOf(request), await read(request));
    return next.handle();
  }
}

async function read(request: Request): Promise<AskedRequest> {
  const body = await readBody(request, MAX_BODY_BYTES);
  const { search } = new URL(request.originalUrl, 'http://localhost');
  const content = digest(search, '\n', body);
  const approval = request.headers['approval'];
  return {
    content,
    whole: digest(request.method, ' ', pathOf(request), '\n', content),
    approval: typeof approval === 'string' ? approval : null,
    conditional: conditionOf(request),
  };
}

function conditionOf(request: Request): ConditionalRequest | null {
  const expected = request.headers['if-match'];
  if (expected === undefined) return null;
  const condition = digest(request.method, ' ', pathOf(request), '\n', expected).toString('hex');
  return { condition, cameAt: performance.now() };
}

function digest(...parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
