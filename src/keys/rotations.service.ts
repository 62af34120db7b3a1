import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { instant } from '../config/clock.js';
import {
  keyState,
  PUBLICATION_LEAD,
  RETIREMENT_LAG,
  signingKeyOf,
  type KeyState,
} from './key-schedule.js';
import { PrivateKeys, type StoredKeyPair } from './private-keys.service.js';
import { SigningKey } from './signing-key.entity.js';
import { scheduleOf } from './stored-schedule.js';

/** What a rotation led to. */
export interface Rotation {
  readonly kid: string;
  readonly state: KeyState;
  /** Milliseconds since the epoch. */
  readonly activatesAt: number;
  /** The keys that were withdrawn, in an emergency. */
  readonly withdrawnKids: readonly string[];
}

/** Decides which key of a zone signs when, and stores it. */
@Injectable()
export class Rotations {
  constructor(private readonly privateKeys: PrivateKeys) {}

  /** Makes the first key of a zone. It may sign at once: nobody can have cached an older key set. */
  async createFirst(tx: EntityManager, pair: StoredKeyPair): Promise<SigningKey> {
    const now = await databaseNow(tx);
    return this.insert(tx, pair, now, now);
  }

  /**
   * Rotates the signing key of a zone. The new key is published first and signs once no verifier
   * can have a key set without it. While one is pending another rotation changes nothing.
   *
   * @param emergency a key has leaked: whatever signs or has signed is withdrawn, since nobody can be
   *   sure which it was, and a new key signs at once, which breaks verifiers that cached the key set
   */
  async rotate(tx: EntityManager, zoneId: string, emergency: boolean): Promise<Rotation> {
    await tx.query('SELECT 1 FROM zones WHERE id = $1 FOR UPDATE', [zoneId]);
    const now = await databaseNow(tx);
    const rows = await tx.find(SigningKey, { where: { zoneId } });
    const keys = rows.map((row) => ({ row, ...scheduleOf(row) }));
    const pending = keys.find((key) => keyState(key, now) === 'pending')?.row;

    if (!emergency) {
      if (pending !== undefined) return rotationOf(pending, now, []);
      const activatesAt = now + PUBLICATION_LEAD * 1_000;
      const active = signingKeyOf(keys, now)?.row ?? null;
      if (active !== null) await this.retire(tx, active, activatesAt);
      const next = await this.draw(tx, zoneId, now, activatesAt);
      return rotationOf(next, now, []);
    }

    const leaked = keys.filter((key) => ['active', 'retiring'].includes(keyState(key, now)));
    const withdrawnKids = leaked.map(({ row }) => row.kid);
    for (const kid of withdrawnKids) {
      await tx.update(SigningKey, { zoneId, kid }, { compromisedAt: instant(now) });
    }
    // A pending key is known to some verifiers already, so it is the better one to go on with.
    if (pending === undefined) {
      const next = await this.draw(tx, zoneId, now, now);
      return rotationOf(next, now, withdrawnKids);
    }
    pending.activatesAt = instant(now);
    await tx.save(pending);
    return rotationOf(pending, now, withdrawnKids);
  }

  private async draw(tx: EntityManager, zoneId: string, publishedAt: number, activatesAt: number) {
    return this.insert(tx, await this.privateKeys.draw(zoneId, 'ES256'), publishedAt, activatesAt);
  }

  private async insert(
    tx: EntityManager,
    pair: StoredKeyPair,
    publishedAt: number,
    activatesAt: number,
  ): Promise<SigningKey> {
    const row = tx.create(SigningKey, {
      ...pair,
      publishedAt: instant(publishedAt),
      activatesAt: instant(activatesAt),
      retiresAt: null,
      expiresAt: null,
      compromisedAt: null,
    });
    await tx.insert(SigningKey, row);
    return row;
  }

  private async retire(tx: EntityManager, key: SigningKey, retiresAt: number): Promise<void> {
    const expiresAt = retiresAt + RETIREMENT_LAG * 1_000;
    await tx.update(
      SigningKey,
      { zoneId: key.zoneId, kid: key.kid },
      { retiresAt: instant(retiresAt), expiresAt: instant(expiresAt) },
    );
  }
}

function rotationOf(key: SigningKey, now: number, withdrawnKids: readonly string[]): Rotation {
  const schedule = scheduleOf(key);
  return {
    kid: key.kid,
    state: keyState(schedule, now),
    activatesAt: schedule.activatesAt,
    withdrawnKids,
  };
}

async function databaseNow(tx: EntityManager): Promise<number> {
  const rows = await tx.query<{ now: string }[]>(
    'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::text AS now',
  );
  return Number(rows[0]?.now);
}
