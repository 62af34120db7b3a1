import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiResponse } from '../../platform/http/openapi-decorators.js';
import { EVENT_STREAM } from '../../platform/http/openapi-schemas.js';

/** What an export answers, for the OpenAPI document. */
export function AnswersExport(): MethodDecorator {
  return applyDecorators(
    ApiOkResponse({
      description: 'Events, one on each line; the last line says so if they are not all',
      content: {
        'application/x-ndjson': { schema: { type: 'string' } },
        'text/csv': { schema: { type: 'string' } },
      },
    }),
  );
}

/** What a bundle answers, for the OpenAPI document. */
export function AnswersBundle(): MethodDecorator {
  return applyDecorators(
    ApiOkResponse({
      description: 'Lines of JSON, the last of kind `end`, or one that says so if they are not all',
      content: { 'application/x-ndjson': { schema: { type: 'string' } } },
    }),
    ApiResponse({
      status: 409,
      description: 'Nothing of the zone is in a signed checkpoint yet: ask again after Retry-After',
    }),
  );
}

/** What a stream answers, for the OpenAPI document. */
export function AnswersStream(): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'Last-Event-ID',
      required: false,
      description: 'The id of the last event that was read: the stream goes on behind it',
    }),
    ApiOkResponse({
      description: 'Events of the audit log; `current` in between, and `error` before an early end',
      content: { 'text/event-stream': { schema: EVENT_STREAM } },
    }),
    ApiResponse({ status: 410, description: 'Last-Event-ID is too old: begin without one' }),
  );
}
