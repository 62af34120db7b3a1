import { Injectable, NotFoundException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { KeyNotDrawn } from '../../keys/rotation/key-generation.service.js';
import type { KeyIntent } from '../../keys/rotation/key-intent.js';
import { Rotations, ZoneGone, type KeyOutcome } from '../../keys/rotation/rotations.service.js';
import { Operations, type Change } from '../audited-changes.service.js';

/** Others may change the keys of a zone while ours are drawn. More often than this is not by chance. */
const ATTEMPTS = 3;

/** What is left to do within a change that concerns keys. */
export type CarryOut = () => Promise<KeyOutcome>;

/** Makes changes that take keys. These are drawn before the transaction, since that may take long. */
@Injectable()
export class KeyOperations {
  constructor(
    private readonly operations: Operations,
    private readonly rotations: Rotations,
  ) {}

  /**
   * Like `Operations.change`, with an intent about keys that `make` carries out at its moment.
   *
   * @throws {NotFoundException} for a zone that is not there any more
   * @throws {KeyNotDrawn} 503, if a key takes too long to draw; asked again, it goes on from there
   */
  async change<T>(
    change: Change,
    intent: KeyIntent,
    make: (
      tx: EntityManager,
      carryOut: CarryOut,
    ) => Promise<{ result: T; details: Readonly<Record<string, unknown>> }>,
  ): Promise<T> {
    const { zoneId } = change;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.rotations.prepare(this.operations.read, zoneId, intent);
        return await this.operations.change(change, (tx) =>
          make(tx, () => this.rotations.carryOut(tx, zoneId, intent)),
        );
      } catch (error) {
        if (error instanceof ZoneGone)
          throw new NotFoundException('no such zone', { cause: error });
        if (!(error instanceof KeyNotDrawn) || attempt === ATTEMPTS) throw error;
      }
    }
  }
}

/** What an audit event says of keys that changed along with something else. */
export function keyDetails({ published, retired, withdrawn }: KeyOutcome): object {
  if (published.length + retired.length + withdrawn.length === 0) return {};
  return { keys: { published, retired, withdrawn } };
}
