import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { atZone } from '../platform/database/at-zones.js';
import { StepUpTurns } from './step-up-turns.service.js';
import type { Challenge } from './challenge.entity.js';

/** The attempts that are allowed: so many at once, and so many more each minute. */
export interface Allowance {
  readonly burst: number;
  readonly perMinute: number;
}

/** What is left of an {@link Allowance}. */
export interface Left {
  readonly attempts: number;
  /** Until there is one again. */
  readonly seconds: number;
}

const WRONG_SECRETS: Allowance = { burst: 10, perMinute: 10 };

/** Limits attempts to guess codes and challenge secrets, for all replicas together. */
@Injectable()
export class Attempts {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly turns: StepUpTurns,
  ) {}

  /**
   * Takes an attempt, before it is known whether it is right: many guesses at once would all be looked at
   * otherwise.
   *
   * @param key what is counted, within the zone
   * @returns `false` if there is none left
   * @throws {OAuthError} as {@link StepUpTurns.take}
   */
  async take(zoneId: string, key: string, { burst, perMinute }: Allowance): Promise<boolean> {
    const rows = await this.turns.take(zoneId, key, key, () =>
      atZone(this.dataSource, zoneId, () =>
        this.dataSource.query<{ taken: boolean }[]>(
          'SELECT step_up_attempt($1, $2, $3, $4) AS taken',
          [zoneId, key, burst, perMinute],
        ),
      ),
    );
    return rows[0]?.taken === true;
  }

  /** What is left of an allowance, as of now. */
  async left(zoneId: string, key: string, { burst, perMinute }: Allowance): Promise<Left> {
    const rows = await atZone(this.dataSource, zoneId, () =>
      this.dataSource.query<{ tokens: number }[]>(
        `SELECT least($3, tokens + extract(epoch FROM clock_timestamp() - at) * $4 / 60)::float8 AS tokens
           FROM step_up_attempts WHERE zone_id = $1 AND key = $2`,
        [zoneId, key, burst, perMinute],
      ),
    );
    const tokens = rows[0]?.tokens ?? burst;
    return {
      attempts: Math.max(0, Math.floor(tokens)),
      seconds: tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / perMinute) * 60),
    };
  }

  /** Gives an attempt back that was right. */
  async giveBack(zoneId: string, key: string): Promise<void> {
    await this.turns.take(zoneId, key, key, () =>
      atZone(this.dataSource, zoneId, () =>
        this.dataSource.query(
          'UPDATE step_up_attempts SET tokens = tokens + 1 WHERE zone_id = $1 AND key = $2',
          [zoneId, key],
        ),
      ),
    );
  }

  /**
   * Whether a secret is one of those that redeem a challenge. A random secret cannot be guessed, so the
   * right one is right however many wrong ones came before: a client is not locked out by others' noise.
   *
   * @param secretDigest hex SHA-256
   * @returns `null` for one of too many wrong ones
   */
  async isSecretOf({ zoneId, id }: Challenge, secretDigest: string): Promise<boolean | null> {
    const rows = await this.dataSource.query<object[]>(
      `SELECT 1 FROM challenge_secrets
        WHERE zone_id = $1 AND challenge_id = $2 AND digest = decode($3, 'hex')`,
      [zoneId, id, secretDigest],
    );
    if (rows.length === 1) return true;
    return (await this.take(zoneId, `secret of ${id}`, WRONG_SECRETS)) ? false : null;
  }
}
