import type { Entry } from './requirement.js';

/** RFC 8707, Resource Indicators for OAuth 2.0. */
export const RFC8707 = [
  {
    id: 'rfc8707-2-absolute-uri',
    level: 'MUST',
    needs: ['resource'],
    text: 'resource is an absolute URI: another one is refused',
  },
  {
    id: 'rfc8707-2-no-fragment',
    level: 'MUST',
    needs: ['resource'],
    text: 'resource has no fragment: one with a fragment is refused',
  },
  {
    id: 'rfc8707-2-malformed-error',
    level: 'SHOULD',
    needs: ['resource'],
    text: 'a resource that cannot be parsed is invalid_target',
  },
  {
    id: 'rfc8707-2-unknown-error',
    level: 'SHOULD',
    needs: ['resource'],
    text: 'a resource that is not acceptable is invalid_target',
  },
  {
    id: 'rfc8707-2-missing-error',
    level: 'SHOULD',
    needs: ['resource'],
    text: 'without resource there is a default, or the error is invalid_target',
  },
  {
    id: 'rfc8707-2-audience',
    level: 'SHOULD',
    needs: ['resource'],
    text: 'the issued token is restricted to the resource that was asked for',
  },
  {
    id: 'rfc8707-2-several',
    level: 'MAY',
    needs: ['resource', 'other_resource'],
    text: 'several resources give a token that can be used at all of them',
  },
] as const satisfies readonly Entry[];
