import { applyDecorators } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiParam,
  ApiResponse,
  ApiTags,
} from '../../platform/http/openapi-decorators.js';
import { TolerantBodies } from '../../platform/http/strict-bodies.js';

/** What all routes of receivers have. */
export const ReceiverRoutes = (): ClassDecorator =>
  applyDecorators(
    TolerantBodies(),
    ApiBearerAuth('mandate'),
    ApiTags('shared signals'),
    ApiParam({ name: 'zone', format: 'uuid' }),
    ApiResponse({ status: 400, description: 'The request is not usable' }),
    ApiResponse({ status: 401, description: 'The bearer is not a usable session mandate' }),
    ApiResponse({
      status: 403,
      description: "The scope is missing, or it is another receiver's stream",
    }),
    ApiResponse({ status: 404, description: 'There is no such stream' }),
    ApiResponse({ status: 429, description: 'Too many requests' }),
    ApiResponse({ status: 503, description: 'Not now; see Retry-After' }),
  );
