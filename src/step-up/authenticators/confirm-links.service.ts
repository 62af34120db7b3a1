import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Missing } from '../../evidence/evidence.service.js';
import { Receipts, type ReceiptSet } from '../../evidence/receipts/receipts.service.js';
import { orUnavailable } from '../../oauth/errors.js';
import { ZoneReads } from '../../platform/database/zone-reads.service.js';
import type { Challenge } from '../challenge.entity.js';
import { Challenges } from '../challenges.service.js';
import { subjectOf } from '../decide.js';
import { nameOf } from '../decider.js';
import { REPORT } from '../decision-methods.js';
import { isPageSecret } from './confirm-link.js';
import type { ConfirmRequest } from './confirm-request.js';

/** What whoever holds the link to the page of a challenge may do, and shows nothing else for. */
@Injectable()
export class ConfirmLinks {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly challenges: Challenges,
    private readonly receipts: Receipts,
    private readonly reads: ZoneReads,
  ) {}

  /** Whether a secret is that of a link to the page of a challenge: its request is shown then. */
  async isLinked({ zoneId, id }: Challenge, secret: string): Promise<boolean> {
    const rows = await this.dataSource.query<{ digest: Buffer }[]>(
      'SELECT digest FROM challenge_secrets WHERE zone_id = $1 AND challenge_id = $2',
      [zoneId, id],
    );
    const digests = rows.map(({ digest }) => digest);
    return isPageSecret(secret, digests);
  }

  /** The receipt of what the subject has decided on a challenge, for who has shown the link. */
  receipt(challenge: Challenge): Promise<ReceiptSet | Missing> {
    const { zoneId, id } = challenge;
    const person = subjectOf(challenge);
    const decidedBy = nameOf({ kind: 'subject', person }, person);
    const reading = () => this.receipts.ofDecision(zoneId, id, decidedBy);
    return orUnavailable('receipt', this.reads.read(zoneId, reading));
  }

  /**
   * Refuses for whoever holds the link, as a request that this person knows nothing of. Nobody has to show anything for
   * that: a client that holds the link as well could do without the mandate anyway.
   */
  async report(
    challenge: Challenge,
    request: ConfirmRequest,
  ): Promise<'reported' | 'decided' | 'expired'> {
    const { zoneId, id } = challenge;
    const input = {
      method: REPORT,
      decision: 'rejected' as const,
      reason: 'reported by a holder of the link: this was not me',
      decider: { kind: 'link' as const },
      amr: [],
    };
    const outcome = await this.challenges.decide(zoneId, id, input, request.requestId);
    if ('challenge' in outcome) return 'reported';
    return outcome.refusal === 'expired' ? 'expired' : 'decided';
  }
}
