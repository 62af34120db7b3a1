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

const common = [
  ApiTags('clients'),
  ApiResponse({ status: 400, description: 'The request is malformed' }),
  ApiResponse({ status: 404, description: 'There is no such mandate, or it is not yours to ask' }),
  ApiResponse({
    status: 409,
    description: 'In no signed checkpoint yet: ask again after Retry-After',
  }),
  ApiResponse({ status: 429, description: 'Too many requests' }),
  ApiResponse({ status: 503, description: 'Not now; see Retry-After' }),
];

/** What the handlers for clients have in common. */
export const ClientReceipts = (summary: string): MethodDecorator =>
  applyDecorators(
    ...common,
    ApiOperation({ summary }),
    ApiBasicAuth('client'),
    ApiBearerAuth('mandate'),
    ApiResponse({ status: 401, description: 'Client authentication failed' }),
  );

/** What the handlers for whoever has the mandate have in common. */
export const BearerReceipts = (summary: string): MethodDecorator =>
  applyDecorators(
    HttpCode(200),
    ...common,
    ApiOperation({ summary }),
    ApiConsumes('application/x-www-form-urlencoded', 'application/json'),
    ApiBody({
      schema: {
        type: 'object',
        required: ['mandate'],
        properties: { mandate: { type: 'string', format: 'password' } },
      },
    }),
    ApiOkResponse({ description: 'Receipts of what is sealed of the mandate' }),
  );
