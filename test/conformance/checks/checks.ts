import type { RequirementId } from '../requirements/requirements.js';
import type { Check } from './check.js';
import { RFC6749_REQUEST } from './rfc6749-request.js';
import { RFC6749_RESPONSE } from './rfc6749-response.js';
import { RFC7523_CHECKS } from './rfc7523.js';
import { RFC7523_GRANT } from './rfc7523-grant.js';
import { RFC8414_CHECKS } from './rfc8414.js';
import { RFC8693_ACTOR } from './rfc8693-actor.js';
import { RFC8693_REQUEST } from './rfc8693-request.js';
import { RFC8693_RESPONSE } from './rfc8693-response.js';
import { RFC8707_CHECKS } from './rfc8707.js';
import { RFC9068_CHECKS } from './rfc9068.js';

/** The check of each requirement. */
export const CHECKS: Readonly<Record<RequirementId, Check>> = {
  ...RFC8693_REQUEST,
  ...RFC8693_RESPONSE,
  ...RFC8693_ACTOR,
  ...RFC8707_CHECKS,
  ...RFC7523_CHECKS,
  ...RFC7523_GRANT,
  ...RFC9068_CHECKS,
  ...RFC6749_REQUEST,
  ...RFC6749_RESPONSE,
  ...RFC8414_CHECKS,
};
