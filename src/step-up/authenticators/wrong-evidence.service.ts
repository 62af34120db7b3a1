import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { UnauthenticatedDenials } from '../../authentication/unauthenticated-denials.service.js';
import { Ledger } from '../../ledger/ledger.service.js';
import type { Challenge } from '../challenge.entity.js';
import { StepUpTurns } from '../step-up-turns.service.js';
import type { ConfirmRequest } from './confirm-request.js';

/** Evidence on the page of a challenge that was not right: recorded, and counted at the challenge. */
@Injectable()
export class WrongEvidence {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly turns: StepUpTurns,
    private readonly ledger: Ledger,
    private readonly strangers: UnauthenticatedDenials,
  ) {}

  /**
   * Records what was wrong, as long as its address has something left of the ration of strangers.
   *
   * @returns whether it had
   */
  async record(
    challenge: Challenge,
    { requestId, source }: ConfirmRequest,
    reason: string,
  ): Promise<boolean> {
    const { zoneId, id, type } = challenge;
    if (!(await this.strangers.mayRecord(zoneId, source))) return false;
    await this.ledger.commit({
      event_id: uuidv7(),
      zone_id: zoneId,
      facts: [],
      event: {
        type: 'challenge.decided',
        outcome: 'denied',
        ...requestId,
        challenge: { id, type },
        reason,
      },
    });
    return true;
  }

  /** Records it, and counts it at the challenge. */
  async recordAndCount(
    challenge: Challenge,
    request: ConfirmRequest,
    reason: string,
  ): Promise<void> {
    const recorded = await this.record(challenge, request, reason);
    // A stranger with the link can be wrong without end, and each time would be a write.
    if (recorded) {
      const { zoneId, id } = challenge;
      await this.turns.take(zoneId, id, 'confirm page', () =>
        this.dataSource.query(
          'UPDATE challenges SET wrong_responses = wrong_responses + 1 WHERE zone_id = $1 AND id = $2',
          [zoneId, id],
        ),
      );
    }
  }
}
