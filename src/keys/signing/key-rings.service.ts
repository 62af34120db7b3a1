import { Injectable } from '@nestjs/common';
import { importPublicKey } from './key-pair.js';
import { KeyRing, type RingKey } from './key-ring.js';
import { keyState } from '../rotation/key-schedule.js';
import { PrivateKeys } from './private-keys.service.js';
import type { SigningKey } from '../signing-key.entity.js';
import type { ZoneAlgs } from './signing-algs.js';
import { scheduleOf } from '../rotation/stored-schedule.js';

/** Opens the key rings of zones. */
@Injectable()
export class KeyRings {
  constructor(private readonly privateKeys: PrivateKeys) {}

  /**
   * Opens the published keys of a zone for signing and verifying.
   *
   * @param rows all keys of the zone
   * @param algs the algorithms that the zone signs with
   * @param now milliseconds since the epoch
   * @throws {SealBroken} if a row was edited, swapped or sealed under another key
   * @throws {CustodyUnavailable} if a key-encryption key is out of reach
   */
  async open(rows: readonly SigningKey[], algs: ZoneAlgs, now: number): Promise<KeyRing> {
    const usable = rows.filter((row) => {
      const state = keyState(scheduleOf(row), now);
      return state !== 'retired' && state !== 'compromised';
    });
    return new KeyRing(await Promise.all(usable.map((row) => this.openKey(row, now))), algs);
  }

  private async openKey(row: SigningKey, now: number): Promise<RingKey> {
    const schedule = scheduleOf(row);
    const sign = await this.privateKeys.open(row);
    return {
      ...schedule,
      kid: row.kid,
      alg: row.alg,
      publicKey: importPublicKey(row.publicJwk, row.alg),
      sign: keyState(schedule, now) === 'retiring' ? null : sign,
    };
  }
}
