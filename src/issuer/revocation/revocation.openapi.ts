import { applyDecorators, HttpCode } from '@nestjs/common';
import {
  ApiBasicAuth,
  ApiBearerAuth,
  ApiBody,
  ApiConsumes,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import { CASCADES } from './revocation-request.js';

/** The handlers of revocation endpoints: the status of what is revoked, and what the document says of them. */
export const RevocationEndpoint = (summary: string): MethodDecorator =>
  applyDecorators(
    HttpCode(200),
    ApiTags('clients'),
    ApiOperation({ summary }),
    ApiBasicAuth('client'),
    ApiBearerAuth('mandate'),
    ApiConsumes('application/x-www-form-urlencoded'),
    ApiBody({
      schema: {
        type: 'object',
        required: ['token'],
        properties: {
          token: { type: 'string', format: 'password' },
          token_type_hint: { type: 'string', description: 'Changes nothing (RFC 7009 2.1)' },
          cascade: {
            type: 'string',
            enum: [...CASCADES],
            default: 'token',
            description: "Ends the mandate's session, or its root session, as well, if it is yours",
          },
          client_id: { type: 'string', format: 'uuid' },
          client_secret: { type: 'string', format: 'password' },
          client_assertion: { type: 'string', format: 'password' },
          client_assertion_type: { type: 'string' },
        },
      },
    }),
    ApiOkResponse({
      description: 'It is revoked, or nothing that could be; there is no body (RFC 7009 2.2)',
    }),
    ApiResponse({ status: 400, description: "The request, or another client's token or session" }),
    ApiResponse({ status: 401, description: 'Client authentication failed' }),
    ApiResponse({ status: 429, description: 'Too many requests or failed attempts' }),
    ApiResponse({ status: 503, description: 'Not now; see Retry-After. Asking again is safe' }),
  );
