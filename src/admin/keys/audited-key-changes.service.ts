import { Injectable, NotFoundException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { KeyNotGenerated } from '../../keys/rotation/key-generation.service.js';
import type { KeyIntent } from '../../keys/rotation/key-intent.js';
import { Rotations, ZoneGone, type KeyOutcome } from '../../keys/rotation/rotations.service.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { Zone } from '../../zones/zone.entity.js';
import { AuditedChanges, type Made } from '../audited-changes.service.js';
import type { Change } from '../change.js';
import { found } from '../find-row.js';

/** Others may change the keys of a zone while ours are drawn. More often than this is not by chance. */
const ATTEMPTS = 3;

/** What is left to do within a change that concerns keys. */
export type ApplyKeyIntent = () => Promise<KeyOutcome>;

/** Makes a change as for `AuditedChanges.run`, and applies the intent about keys at its moment. */
export type MakeWithKeys<M> = (tx: EntityManager, apply: ApplyKeyIntent, zone: Zone) => Promise<M>;

/** Makes changes that take keys. These are drawn before the transaction, since that may take long. */
@Injectable()
export class AuditedKeyChanges {
  constructor(
    private readonly changes: AuditedChanges,
    private readonly rotations: Rotations,
  ) {}

  /**
   * Like `AuditedChanges.run`, with an intent about keys that `make` applies at its moment.
   *
   * @throws {NotFoundException} for a zone that is not there (any more)
   * @throws {KeyNotGenerated} 503, if a key takes too long to draw; asked again, it goes on from there
   */
  run<T>(change: Change, intent: KeyIntent, make: MakeWithKeys<Made<T>>): Promise<T>;
  run<T>(change: Change, intent: KeyIntent, make: MakeWithKeys<Made<T> | null>): Promise<T | null>;
  async run<T>(
    change: Change,
    intent: KeyIntent,
    make: MakeWithKeys<Made<T> | null>,
  ): Promise<T | null> {
    const zoneId = found(isUuid(change.zoneId) ? change.zoneId : null, 'zone');
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.rotations.prepare(zoneId, intent);
        return await this.changes.run(change, (tx, zone) =>
          make(tx, () => this.rotations.apply(tx, zoneId, intent), zone),
        );
      } catch (error) {
        if (error instanceof ZoneGone)
          throw new NotFoundException('no such zone', { cause: error });
        if (!(error instanceof KeyNotGenerated) || attempt === ATTEMPTS) throw error;
      }
    }
  }
}

/** What an audit event says of keys that changed along with something else. */
export function keyDetails({ published, retired, withdrawn }: KeyOutcome): object {
  if (published.length + retired.length + withdrawn.length === 0) return {};
  return { keys: { published, retired, withdrawn } };
}
