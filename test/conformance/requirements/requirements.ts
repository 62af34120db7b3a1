import { requirementOf, type Requirement } from './requirement.js';
import { RFC6749 } from './rfc6749.js';
import { RFC7523 } from './rfc7523.js';
import { RFC8414 } from './rfc8414.js';
import { RFC8693 } from './rfc8693.js';
import { RFC8707 } from './rfc8707.js';
import { RFC9068 } from './rfc9068.js';

const ENTRIES = [...RFC8693, ...RFC8707, ...RFC7523, ...RFC9068, ...RFC6749, ...RFC8414] as const;

/** The id of a requirement. */
export type RequirementId = (typeof ENTRIES)[number]['id'];

/** Every requirement that is checked, in the order of the report. */
export const REQUIREMENTS: readonly (Requirement & { readonly id: RequirementId })[] = ENTRIES.map(
  (entry) => ({ ...requirementOf(entry), id: entry.id }),
);

/** What each RFC is called. */
export const RFC_TITLES: Readonly<Record<number, string>> = {
  8693: 'OAuth 2.0 Token Exchange',
  8707: 'Resource Indicators',
  7521: 'Assertion Framework',
  7523: 'JWT for client authentication and authorization grants',
  10070: 'Updates to the audience of such JWTs',
  9068: 'JWT Profile for access tokens',
  6749: 'The OAuth 2.0 Authorization Framework',
  8414: 'Authorization Server Metadata',
};
