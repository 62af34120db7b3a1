import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Attempts, type Allowance } from '../attempts.service.js';
import type { Challenge } from '../challenge.entity.js';

/** Wrong codes that are allowed for one challenge, and for one person by what one client asks for. */
const FOR_CHALLENGE: Allowance = { burst: 5, perMinute: 1 };
const FOR_PERSON: Allowance = { burst: 20, perMinute: 1 / 6 };

/**
 * Limits guesses of evidence that can be guessed: for one challenge, and for one person among the challenges of one client,
 * so that only that client's requests are locked out by them.
 */
@Injectable()
export class Guesses {
  constructor(private readonly attempts: Attempts) {}

  /** Takes a guess. @returns `null`, or where there is none left, the seconds until there is one again */
  async take(challenge: Challenge): Promise<number | null> {
    for (const { key, allowance } of countedBy(challenge)) {
      if (!(await this.attempts.take(challenge.zoneId, key, allowance))) {
        return (await this.attempts.left(challenge.zoneId, key, allowance)).seconds;
      }
    }
    return null;
  }

  /** Gives back one that was right. */
  async giveBack(challenge: Challenge): Promise<void> {
    for (const { key } of countedBy(challenge)) {
      await this.attempts.giveBack(challenge.zoneId, key);
    }
  }

  /** How many wrong ones may follow, as of now. */
  async left(challenge: Challenge): Promise<number> {
    let left = Number.POSITIVE_INFINITY;
    for (const { key, allowance } of countedBy(challenge)) {
      const { attempts } = await this.attempts.left(challenge.zoneId, key, allowance);
      left = Math.min(left, attempts);
    }
    return left;
  }
}

/** What guesses are counted by: the challenge, and the person with the client. */
function countedBy({ id, clientId, subject, subjectIssuer }: Challenge) {
  const person = createHash('sha256')
    .update(JSON.stringify([subjectIssuer, subject]))
    .digest('hex');
  return [
    { key: `codes for ${id}`, allowance: FOR_CHALLENGE },
    { key: `codes of ${person} for ${clientId}`, allowance: FOR_PERSON },
  ];
}
