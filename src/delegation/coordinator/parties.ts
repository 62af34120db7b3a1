import { OAuthError } from '../../oauth/errors.js';
import type { Caller } from '../agents/graph.service.js';

/**
 * Sees that an application that a request names is the bearer's: nobody acts for another one.
 *
 * @throws {OAuthError} access_denied
 */
export function mustBeOf({ clientId }: Caller, applicationId: string): void {
  if (applicationId === clientId) return;
  throw new OAuthError('access_denied', 'the bearer is of another application', {
    detail: `bearer of another application than ${applicationId}`,
  });
}
