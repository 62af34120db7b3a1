import { ConflictException, ForbiddenException, NotFoundException } from '@nestjs/common';
import { DecisionRefused } from './challenges.service.js';

const TEXTS = {
  decided: 'the challenge has been decided',
  expired: 'the challenge has expired',
  said: 'you have decided on this challenge already',
  binding: 'the challenge stands for something else than what you looked at',
} as const;

/** What somebody is told whose say does not count; anything else that was thrown is thrown on. */
export function refused(error: unknown): never {
  if (!(error instanceof DecisionRefused)) throw error;
  switch (error.objection) {
    case 'unknown':
      throw new NotFoundException('no such challenge', { cause: error });
    case 'method':
      throw new ForbiddenException('challenges of this type are not satisfied in this way', {
        cause: error,
      });
    case 'party':
      throw new ForbiddenException('whoever asks may not decide', { cause: error });
    default:
      throw new ConflictException(TEXTS[error.objection], { cause: error });
  }
}
