import { OAuthError } from './errors.js';

/** The error for a zone that is not served by this installation: it is on its way to another one, or has moved there (503, `Retry-After`). */
export class NotServedHere extends OAuthError {
  /**
   * @param description where the zone is, for whoever asks
   * @param retryAfter seconds after which it may be served
   * @param base where the same paths are answered now, without a trailing slash; `null` if nobody is led there
   */
  constructor(
    description: string,
    retryAfter: number,
    readonly base: string | null = null,
  ) {
    super('temporarily_unavailable', description, { retryAfter });
  }
}
