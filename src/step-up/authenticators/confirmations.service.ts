import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { verifyAuthenticationResponse } from '@simplewebauthn/server';
import type { DataSource, EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { Ledger } from '../../ledger/ledger.service.js';
import { Attempts, type Allowance } from '../attempts.service.js';
import type { Challenge } from '../challenge.entity.js';
import { Challenges } from '../challenges.service.js';
import { Authenticator } from './authenticator.entity.js';
import { readAssertion } from './passkey/passkey-response.js';
import { confirmationNonce, relyingPartyAt } from './passkey/relying-party.js';
import { stepOfCode } from './totp/totp-codes.js';

/** How many codes may be guessed for a challenge, and for a person by what one client asks for. */
const FOR_CHALLENGE: Allowance = { burst: 5, perMinute: 1 };
const FOR_PERSON: Allowance = { burst: 20, perMinute: 1 / 6 };

/** What somebody shows that they are the subject. */
export type Shown = { readonly code: string } | { readonly assertion: string };

/** What came of it. */
export type Confirmation =
  'approved' | 'rejected' | 'pending' | 'wrong' | 'too_many' | 'decided' | 'expired' | 'not_here';

/** What was right: how, and how it is spent so that it is not right again. */
interface Proved {
  readonly method: 'totp' | 'webauthn';
  readonly amr: readonly string[];
  readonly spend: (tx: EntityManager) => Promise<boolean>;
}

/** Lets the subject of a challenge decide on it, by showing that it is there. */
@Injectable()
export class Confirmations {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly challenges: Challenges,
    private readonly attempts: Attempts,
    private readonly sealing: Sealing,
    private readonly ledger: Ledger,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Takes a decision of the subject. Codes are guessable, so there are few guesses: for one challenge, and
   * for one person among the challenges of one client, so that nobody but that client is locked out by it.
   */
  async decide(
    challenge: Challenge,
    shown: Shown,
    decision: 'approved' | 'rejected',
    requestId: string,
  ): Promise<Confirmation> {
    const guesses = 'code' in shown ? guessesAbout(challenge) : [];
    for (const { key, allowance } of guesses) {
      if (!(await this.attempts.take(challenge.zoneId, key, allowance))) {
        await this.recordWrong(challenge, requestId, 'too many wrong codes');
        return 'too_many';
      }
    }
    const proved =
      'code' in shown
        ? await this.byCode(challenge, shown.code)
        : await this.byPasskey(challenge, shown.assertion);
    if (proved === null) return this.wrong(challenge, requestId, 'wrong proof of the subject');
    for (const { key } of guesses) await this.attempts.giveBack(challenge.zoneId, key);
    return this.take(challenge, proved, decision, requestId);
  }

  private async take(
    challenge: Challenge,
    { method, amr, spend }: Proved,
    decision: 'approved' | 'rejected',
    requestId: string,
  ): Promise<Confirmation> {
    const { zoneId, id, subject, subjectIssuer } = challenge;
    const say = {
      method,
      decision,
      reason: decision === 'approved' ? 'confirmed by the subject' : 'refused by the subject',
      decidedBy: `subject:${JSON.stringify([subjectIssuer, subject])}`,
      person: { sub: subject, issuer: subjectIssuer },
      amr,
    };
    const outcome = await this.challenges.decide(zoneId, id, say, requestId, { spend });
    if ('challenge' in outcome) return outcome.challenge.decision ?? 'pending';
    const { refusal } = outcome;
    if (refusal === 'used') return this.wrong(challenge, requestId, 'the proof was used before');
    if (refusal === 'expired') return 'expired';
    return refusal === 'decided' || refusal === 'said' ? 'decided' : 'not_here';
  }

  private async byCode(challenge: Challenge, code: string): Promise<Proved | null> {
    const now = this.clock.now();
    for (const { zoneId, id, sealedSecret } of await this.authenticatorsOf(challenge, 'totp')) {
      if (sealedSecret === null) continue;
      const key = await this.sealing.open({ purpose: 'totp-secret', zoneId, id }, sealedSecret);
      const step = stepOfCode(key, code, now);
      key.fill(0);
      if (step === null) continue;
      return {
        method: 'totp',
        amr: ['otp'],
        spend: (tx) => update(tx, SPEND_STEP, [zoneId, id, step]),
      };
    }
    return null;
  }

  private async byPasskey(challenge: Challenge, text: string): Promise<Proved | null> {
    const response = readAssertion(text);
    if (response === null) return null;
    const known = await this.authenticatorsOf(challenge, 'webauthn');
    const passkey = known.find(({ credentialId }) => credentialId === response.id);
    if (passkey === undefined || passkey.publicKey === null) return null;
    const { zoneId, id, publicKey } = passkey;
    const rp = relyingPartyAt(this.env.issuerUrl);
    const nonce = confirmationNonce(challenge.id, challenge.binding.toString('hex'));
    try {
      const { verified, authenticationInfo } = await verifyAuthenticationResponse({
        response,
        expectedChallenge: nonce.toString('base64url'),
        expectedOrigin: rp.origin,
        expectedRPID: rp.id,
        requireUserVerification: true,
        credential: {
          id: response.id,
          publicKey: Uint8Array.from(publicKey),
          counter: Number(passkey.signCount ?? 0),
        },
      });
      if (!verified) return null;
      const { newCounter } = authenticationInfo;
      return {
        method: 'webauthn',
        amr: ['pop', 'user', 'mfa'],
        spend: (tx) => update(tx, SPEND_COUNT, [zoneId, id, newCounter]),
      };
    } catch {
      // The library throws for whatever is wrong with it, and what that is helps nobody who has no key.
      return null;
    }
  }

  private authenticatorsOf(
    { zoneId, subject, subjectIssuer }: Challenge,
    kind: Authenticator['kind'],
  ): Promise<Authenticator[]> {
    return this.dataSource.manager
      .createQueryBuilder(Authenticator, 'a')
      .where({ zoneId, subject, kind })
      .andWhere('a.subject_issuer IS NOT DISTINCT FROM :issuer', { issuer: subjectIssuer })
      .getMany();
  }

  private async wrong(challenge: Challenge, requestId: string, reason: string): Promise<'wrong'> {
    await this.dataSource.query(
      'UPDATE challenges SET wrong_responses = wrong_responses + 1 WHERE zone_id = $1 AND id = $2',
      [challenge.zoneId, challenge.id],
    );
    await this.recordWrong(challenge, requestId, reason);
    return 'wrong';
  }

  private async recordWrong(
    challenge: Challenge,
    requestId: string,
    reason: string,
  ): Promise<void> {
    const { zoneId, id, type } = challenge;
    await this.ledger.commit({
      event_id: uuidv7(),
      zone_id: zoneId,
      facts: [],
      event: {
        type: 'challenge.decided',
        outcome: 'denied',
        request_id: requestId,
        challenge: { id, type },
        reason,
      },
    });
  }
}

function guessesAbout({ id, clientId, subject, subjectIssuer }: Challenge) {
  const person = createHash('sha256')
    .update(JSON.stringify([subjectIssuer, subject]))
    .digest('hex');
  return [
    { key: `codes for ${id}`, allowance: FOR_CHALLENGE },
    { key: `codes of ${person} for ${clientId}`, allowance: FOR_PERSON },
  ];
}

async function update(tx: EntityManager, text: string, values: unknown[]): Promise<boolean> {
  const [rows] = await tx.query<[unknown[], number]>(text, values);
  return rows.length > 0;
}

const SPEND_STEP = `UPDATE authenticators SET last_step = $3, last_used_at = clock_timestamp()
  WHERE zone_id = $1 AND id = $2 AND (last_step IS NULL OR last_step < $3) RETURNING id`;

/** Authenticators that do not count say 0 each time (Web Authentication 6.1.1). */
const SPEND_COUNT = `UPDATE authenticators SET sign_count = $3, last_used_at = clock_timestamp()
  WHERE zone_id = $1 AND id = $2 AND (sign_count < $3 OR (sign_count = 0 AND $3 = 0)) RETURNING id`;
