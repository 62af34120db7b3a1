import {
  BadRequestException,
  ConflictException,
  ForbiddenException,
  NotFoundException,
} from '@nestjs/common';
import { unavailable } from '../oauth/errors.js';
import type { Challenge } from './challenge.entity.js';
import type { DecisionOutcome } from './challenges.service.js';

const CONFLICTS = {
  decided: 'the challenge has been decided',
  expired: 'the challenge has expired',
  said: 'you have decided on this challenge already',
  used: 'what this rests on has been used before',
  binding: 'the challenge stands for something else than what you looked at',
  alike:
    'the name is another spelling of one that is involved already, or the same of another issuer',
} as const;

/**
 * The challenge that was decided on.
 *
 * @throws {HttpException} 400, 403, 404 or 409 if the decision does not count
 * @throws {OAuthError} temporarily_unavailable if it could not be made
 */
export function decidedOrThrow(outcome: DecisionOutcome): Challenge {
  if ('challenge' in outcome) return outcome.challenge;
  switch (outcome.refusal) {
    case 'unknown':
      throw new NotFoundException('no such challenge');
    case 'stale':
      throw unavailable('what the caller was admitted on has changed');
    case 'method':
      throw new ForbiddenException('challenges of this type are not satisfied in this way');
    case 'no_issuer':
      throw new BadRequestException('by needs iss: the subject is a name of an issuer');
    case 'issuer':
      throw new BadRequestException('by.iss is no issuer that the zone trusts');
    case 'subject':
      throw new ForbiddenException('the approval that is missing is that of the subject itself');
    case 'party':
      throw new ForbiddenException('a party to the request may not decide');
    default:
      throw new ConflictException(CONFLICTS[outcome.refusal]);
  }
}
