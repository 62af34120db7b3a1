import { ConflictException, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { KeyIntent } from '../../keys/rotation/key-intent.js';
import { keyState, type KeyState } from '../../keys/rotation/key-schedule.js';
import type { ScheduledKey } from '../../keys/rotation/rotation.js';
import type { KeyOutcome } from '../../keys/rotation/rotations.service.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import type { RequestId } from '../../platform/http/request-id.js';
import type { Zone } from '../../zones/zone.entity.js';
import { keyDetails, AuditedKeyChanges } from './audited-key-changes.service.js';
import { found } from '../find-row.js';
import type { ActsAs } from '../operators/operator.js';

/** Which keys are to be rotated, and who says so. */
export interface RotationRequest {
  readonly zoneId: string;
  readonly requestId: RequestId;
  /** Who asks. */
  readonly operator: ActsAs;
  /** A key leaked: whatever signs or has signed is withdrawn, and a new key signs at once. */
  readonly emergency: boolean;
  /** Only keys of this algorithm; of all algorithms in use if absent. */
  readonly alg?: ZoneAlg | undefined;
  /** Looks at the zone and its keys before anything is changed, in the transaction, and throws if they are other ones. */
  readonly check?: (tx: EntityManager, zone: Zone) => Promise<void>;
}

/** The key that signs next, or does already. */
export interface NextKey {
  readonly kid: string;
  readonly alg: ZoneAlg;
  readonly state: KeyState;
  /** Milliseconds since the epoch. */
  readonly activatesAt: number;
}

/** Rotates the signing keys of a zone because an operator says so. */
@Injectable()
export class KeyRotation {
  constructor(private readonly keyChanges: AuditedKeyChanges) {}

  /**
   * @returns the next key of the algorithm that was asked for, else of the zone's own
   * @throws {HttpException} 404 for an unknown zone, 409 if it has no key of the algorithm, 503 if a key
   *   takes too long to draw
   */
  async rotate(request: RotationRequest): Promise<NextKey> {
    const { zoneId, requestId, operator, emergency, alg } = request;
    const intent: KeyIntent = { want: emergency ? 'emergency' : 'rotation', alg };
    const change = {
      zoneId,
      requestId,
      type: 'signing_key.rotated',
      operator,
      urgent: emergency,
    };
    return this.keyChanges.run(change, intent, async (tx, apply, zone) => {
      await request.check?.(tx, zone);
      const outcome = await apply();
      const known = alg === undefined || outcome.keys.some((key) => key.alg === alg);
      if (!known) throw new ConflictException(`the zone has no ${alg} key`);
      const next = nextOf(outcome, alg);
      const state = keyState(next, outcome.now);
      const { kid, activatesAt } = next;
      const details = { kid, state, emergency, withdrawn_kids: outcome.withdrawn };
      return {
        result: { kid, alg: next.alg, state, activatesAt },
        details: { ...details, ...keyDetails(outcome) },
      };
    });
  }
}

function nextOf({ keys, needs }: KeyOutcome, alg: ZoneAlg | undefined): ScheduledKey {
  const lasting = keys
    .filter(({ retiresAt, compromisedAt }) => retiresAt === null && compromisedAt === null)
    .toSorted((a, b) => b.activatesAt - a.activatesAt);
  const next =
    lasting.find((key) => key.alg === alg) ?? lasting.find((key) => key.alg === needs.standard);
  return found(next, 'signing key');
}
