import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiResponse } from '../../platform/http/openapi-decorators.js';

/** Says of a handler, in the OpenAPI document, that a second operator has to approve it while the two-person rule is on. */
export function TakesTwoPersons(): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'Approval',
      required: false,
      description: 'The id of the approval to use up; without it the one for just this request is',
    }),
    ApiResponse({
      status: 428,
      description: 'The two-person rule is on, and no second operator has approved it',
    }),
  );
}
