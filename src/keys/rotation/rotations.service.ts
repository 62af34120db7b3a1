import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { EntityManager, Repository } from 'typeorm';
import { instant } from '../../platform/config/clock.js';
import { databaseNow } from '../../platform/database/database-now.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { KeyGeneration, KeyNotGenerated, type GeneratedKey } from './key-generation.service.js';
import {
  algsToGenerate,
  planFor,
  type KeyIntent,
  type KeyPlan,
  type ZoneKeyState,
} from './key-intent.js';
import { amend, newSchedule, type KeyNeeds, type ScheduledKey } from './rotation.js';
import { SigningKey } from '../signing-key.entity.js';
import { columnsOf, scheduleOf } from './stored-schedule.js';

/** Thrown for a zone that does not exist, or not any more. */
export class ZoneGone extends Error {
  override readonly name = 'ZoneGone';
}

/** The keys of a zone after an intent was applied. */
export interface KeyOutcome {
  readonly keys: readonly ScheduledKey[];
  readonly needs: KeyNeeds;
  /** The `kid`s of published, retired and withdrawn keys. */
  readonly published: readonly string[];
  readonly retired: readonly string[];
  readonly withdrawn: readonly string[];
  /** Milliseconds since the epoch, by the database. */
  readonly now: number;
}

/**
 * Changes the keys of zones: plans, generates, stores. Each change is planned twice: before the transaction,
 * to generate the keys that it needs, and under the lock of the zone.
 */
@Injectable()
export class Rotations {
  constructor(
    @InjectRepository(SigningKey) private readonly stored: Repository<SigningKey>,
    private readonly generation: KeyGeneration,
  ) {}

  /** Stores the first key of a zone. It may sign at once: there is no older key set to be cached. */
  async createFirst(tx: EntityManager, generated: GeneratedKey): Promise<void> {
    const now = await databaseNow(tx);
    await this.insert(tx, generated, newSchedule(now, now));
  }

  /**
   * Generates the keys that an intent needs, so that {@link apply} need not.
   *
   * @throws {KeyNotGenerated} if that takes too long for a request; a later call goes on from there
   * @throws {ZoneGone}
   */
  async prepare(zoneId: string, intent: KeyIntent): Promise<void> {
    const state = await this.read(this.stored.manager, zoneId);
    const plan = planFor(state, intent, await databaseNow(this.stored.manager));
    await Promise.all(algsToGenerate(plan).map((alg) => this.generation.prepare(zoneId, alg)));
  }

  /**
   * Plans an intent again and stores its changes.
   *
   * @param tx a transaction that holds the zone's row
   * @throws {KeyNotGenerated} if it needs another key than was prepared
   * @throws {ZoneGone}
   */
  async apply(tx: EntityManager, zoneId: string, intent: KeyIntent): Promise<KeyOutcome> {
    await tx.query('SELECT 1 FROM zones WHERE id = $1 FOR NO KEY UPDATE', [zoneId]);
    const now = await databaseNow(tx);
    const before = await this.read(tx, zoneId);
    const { needs, changes } = planFor(before, intent, now);
    const published: ScheduledKey[] = [];
    let keys = before.keys;
    for (const change of changes) {
      if (change.step === 'publish') {
        published.push(await this.publish(tx, zoneId, change.alg, change.activatesAt, now));
        continue;
      }
      keys = keys.map((key) => (key.kid === change.kid ? amend(key, change) : key));
    }
    for (const key of keys.filter((one) => !before.keys.includes(one))) {
      await tx.getRepository(SigningKey).update({ zoneId, kid: key.kid }, columnsOf(key));
    }
    if (needs.standard !== before.needs.standard || needs.bridge !== before.needs.bridge) {
      await tx.query('UPDATE zones SET signing_alg = $2, previous_signing_alg = $3 WHERE id = $1', [
        zoneId,
        needs.standard,
        needs.bridge,
      ]);
    }
    const kidsOf = (step: string) =>
      changes.flatMap((change) => (change.step === step && 'kid' in change ? [change.kid] : []));
    return {
      keys: [...keys, ...published],
      needs,
      published: published.map(({ kid }) => kid),
      retired: kidsOf('retire'),
      withdrawn: kidsOf('withdraw'),
      now,
    };
  }

  /** All keys that a zone ever had, the newest first, and the database's time in milliseconds since the epoch. */
  async list(
    zoneId: string,
    on: EntityManager = this.stored.manager,
  ): Promise<{ readonly keys: readonly ScheduledKey[]; readonly now: number }> {
    const { keys } = await this.read(on, zoneId);
    const newestFirst = keys.toSorted((a, b) => b.activatesAt - a.activatesAt);
    return { keys: newestFirst, now: await databaseNow(on) };
  }

  /**
   * What applying an intent would do now. Nothing is stored or generated.
   *
   * @throws {ZoneGone}
   */
  async plan(on: EntityManager, zoneId: string, intent: KeyIntent): Promise<KeyPlan> {
    return planFor(await this.read(on, zoneId), intent, await databaseNow(on));
  }

  private async publish(
    tx: EntityManager,
    zoneId: string,
    alg: ZoneAlg,
    activatesAt: number,
    now: number,
  ): Promise<ScheduledKey> {
    const generated = this.generation.take(zoneId, alg);
    if (generated === null) throw new KeyNotGenerated(`no ${alg} key was drawn`);
    const schedule = newSchedule(activatesAt, now);
    await this.insert(tx, generated, schedule);
    return { kid: generated.kid, alg, ...schedule };
  }

  private async insert(
    tx: EntityManager,
    generated: GeneratedKey,
    schedule: ReturnType<typeof newSchedule>,
  ): Promise<void> {
    await tx.getRepository(SigningKey).insert({
      ...generated,
      ...columnsOf(schedule),
      publishedAt: instant(schedule.publishedAt),
    });
  }

  private async read(tx: EntityManager, zoneId: string): Promise<ZoneKeyState> {
    const rows = await tx.getRepository(SigningKey).findBy({ zoneId });
    const [zone] = await tx.query<ZoneRow[]>(ZONE, [zoneId]);
    if (zone === undefined) throw new ZoneGone();
    return {
      keys: rows.map((row) => ({ kid: row.kid, alg: row.alg, ...scheduleOf(row) })),
      needs: {
        standard: zone.signing_alg,
        bridge: zone.previous_signing_alg,
        resources: zone.resource_algs,
      },
      rotationDays: zone.rotation_days,
    };
  }
}

interface ZoneRow {
  readonly signing_alg: ZoneAlg;
  readonly previous_signing_alg: ZoneAlg | null;
  readonly rotation_days: number;
  readonly resource_algs: ZoneAlg[];
}

const ZONE = `SELECT signing_alg, previous_signing_alg, rotation_days,
    ARRAY(SELECT DISTINCT r.signing_alg FROM resources r
           WHERE r.zone_id = z.id AND r.signing_alg IS NOT NULL ORDER BY 1)::text[] AS resource_algs
  FROM zones z WHERE id = $1`;
