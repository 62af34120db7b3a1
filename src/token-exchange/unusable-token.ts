import { OAuthError } from '../oauth/errors.js';

/** The error for a subject or actor token, and whether it is about the token as such. */
export class UnusableToken extends OAuthError {
  /**
   * @param holds whether the token is what it says, and only of no use here: then another one like it is of none either
   */
  constructor(
    readonly parameter: 'subject_token' | 'actor_token',
    readonly holds: boolean,
    detail: string,
    cause?: unknown,
  ) {
    // One description for every cause, so that it tells nothing about tokens of others.
    super('invalid_request', `the ${parameter} is not usable`, {
      detail: `${parameter}: ${detail}`,
      cause,
    });
  }
}

/** The error for a token that is what it says, but not one that may be exchanged here. */
export function unusable(name: 'subject_token' | 'actor_token', detail: string): OAuthError {
  return new UnusableToken(name, true, detail);
}

/** The error for a token that is not, or no longer, what it says. */
export function doesNotHold(
  name: 'subject_token' | 'actor_token',
  detail: string,
  cause?: unknown,
): OAuthError {
  return new UnusableToken(name, false, detail, cause);
}

/** The error for a token that was what it says, until something that it comes by was taken back. */
export function wasTakenBack(
  name: 'subject_token' | 'actor_token',
  detail: string,
  cause?: unknown,
): OAuthError {
  return new OAuthError('invalid_grant', `the ${name} is not usable`, {
    detail: `${name}: ${detail}`,
    ...(cause === undefined ? {} : { cause }),
  });
}
