import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { NO_ZONE } from '../ledger/entry.js';
import { requestIdOf, type RequestId } from '../platform/http/request-id.js';
import { traceOf } from '../platform/http/request-trace.js';
import { writeTraceparent } from '../platform/tracing/trace-context.js';
import { zoneIdOf } from './in-zone.js';
import { operatorOf, type ActsAs } from './operators/operator.js';

/** What an operator did, for the audit log. It must hold no secret. */
export interface Change {
  readonly zoneId: string;
  readonly requestId: RequestId;
  /** Where the request is in a trace, for webhooks that are told of it; absent if nobody traces it. */
  readonly traceparent?: string;
  /** What was done, such as `client.created`. */
  readonly type: string;
  /** Who did it. */
  readonly operator: ActsAs;
  /** Whether it takes authority away: it then waits for no change that does not. */
  readonly urgent?: boolean;
}

/** The change that a handler makes in the zone of its path. Its argument is the type. */
export const Change = createParamDecorator(changeOf);

/** The same for a change that takes authority away. */
export const UrgentChange = createParamDecorator(
  (type: string, context: ExecutionContext): Change => ({
    ...changeOf(type, context),
    urgent: true,
  }),
);

/** A change of what is of no zone, such as who may administer. */
export const InstallationChange = createParamDecorator(
  (type: string, context: ExecutionContext): Change => ({
    ...changeOf(type, context),
    zoneId: NO_ZONE,
  }),
);

/** The same for a change that takes authority away. */
export const UrgentInstallationChange = createParamDecorator(
  (type: string, context: ExecutionContext): Change => ({
    ...changeOf(type, context),
    zoneId: NO_ZONE,
    urgent: true,
  }),
);

function changeOf(type: string, context: ExecutionContext): Change {
  const request = context.switchToHttp().getRequest<Request>();
  const trace = traceOf(request);
  return {
    zoneId: zoneIdOf(request),
    requestId: requestIdOf(request),
    ...(trace === null ? {} : { traceparent: writeTraceparent(trace) }),
    type,
    operator: operatorOf(request),
  };
}
