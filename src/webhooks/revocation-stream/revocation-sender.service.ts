import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { LOGGER } from '../../platform/config/logger.js';
import { BackgroundWork } from '../../platform/background-work.js';
import type { Look } from '../../platform/database/database-job.js';
import { DatabaseJobs } from '../../platform/database/database-jobs.js';
import type { ShardJobs } from '../../platform/database/shard-jobs.js';
import { PerShard } from '../../platform/database/shard-scope.js';
import { RedisConnection } from '../../platform/redis-connection.js';
import { REVOCATION_STREAM, revocationEntry, type Revocation } from './revocation-entry.js';
import { RevocationOutbox } from './revocation-outbox.service.js';
import { REVOCATIONS } from './revocation-stream.metrics.js';

/** Milliseconds between two looks into the outbox while there is something in it, and when nothing wakes it. */
const BUSY_MS = 200;
const IDLE_MS = 4_000;
/** Milliseconds until it is tried again to say that what ends is wanted. */
const AWAY_MS = 3_000;
/** The most that one round sends, and the least milliseconds from one that sends so many to the next: 2,000 a second. */
const MOST = 200;
const ROUND_MS = 100;
/** Milliseconds that Redis has for a round. */
const ANSWER_MS = 1_000;
/** Milliseconds between two looks for what has waited for too long. */
const TIDY_MS = 60_000;
/** How many entries the stream keeps, about: what a gateway may miss while it is away. As Caracal's services have it. */
const AS_LONG_AS = { strategy: 'MAXLEN', strategyModifier: '~', threshold: 100_000 } as const;

/**
 * Sends what has ended to the Redis stream that Caracal's gateways read, each at least once, so that streams that are
 * open behind them end. No request waits for this, nor is a replica unready because Redis is away.
 */
@Injectable()
export class RevocationSender implements OnApplicationShutdown {
  private redis: RedisConnection | null = null;
  private tidyAt = 0;
  private readonly rounds = new PerShard(() => ({ wasFull: false }));
  private isOver = false;
  private readonly job: ShardJobs | null;

  constructor(
    private readonly outbox: RevocationOutbox,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(REVOCATIONS) private readonly revocations: Counter<'result'>,
    background: BackgroundWork,
    jobs: DatabaseJobs,
  ) {
    const { redisUrl, streamsHmacKey } = env;
    this.job =
      redisUrl === undefined || streamsHmacKey === undefined
        ? null
        : jobs.add(
            {
              name: 'revocation stream',
              failing: 'the outbox of the revocation stream cannot be read',
              busyMs: BUSY_MS,
              idleMs: IDLE_MS,
              restMs: (tookMs) => this.restMs(tookMs),
              look: () => this.look(),
            },
            'by itself',
          );
    if (redisUrl === undefined || this.job === null) return;
    // Before the first request, so that whatever it ends is sent.
    background.add(() => this.tidy());
    background.addJob(() => void this.begin(redisUrl));
  }

  /** A round that is under way is undone, and what it has sent is sent again. */
  onApplicationShutdown(): void {
    this.isOver = true;
    this.redis?.close();
    this.outbox.disconnect();
  }

  private async begin(url: string): Promise<void> {
    this.redis = await RedisConnection.to(url, {
      answerMs: ANSWER_MS,
      away: (error) =>
        this.logger.warn(
          { err: error },
          'the revocation stream cannot be written: gateways are not told what has ended',
        ),
      back: () => this.logger.info('the revocation stream is written again'),
    });
    if (this.isOver) this.redis.close();
    else this.job?.start();
  }

  private async look(): Promise<Look> {
    if (performance.now() >= this.tidyAt) await this.tidy();
    if (this.redis?.usable !== true) return 'waiting';
    const { taken, found } = await this.outbox.round(MOST, (some) => this.send(some));
    const wasFull = taken >= MOST;
    this.rounds.current.wasFull = wasFull;
    // What rests on what was sent is to be sent as soon.
    if (found || wasFull) return 'more';
    return taken > 0 ? 'waiting' : 'nothing';
  }

  /** Rests where the last round sent as much as one may. */
  private restMs(tookMs: number): number {
    return this.rounds.current.wasFull ? Math.max(0, ROUND_MS - tookMs) : 0;
  }

  /** Says that what ends is wanted, and gives up what is too old to be. */
  private async tidy(): Promise<void> {
    // In each shard it is looked at the same moment, and this is for all.
    this.tidyAt = performance.now() + AWAY_MS;
    try {
      await this.outbox.want();
      const count = await this.outbox.giveUp();
      this.tidyAt = count > 0 ? 0 : performance.now() + TIDY_MS;
      if (count === 0) return;
      this.revocations.inc({ result: 'given_up' }, count);
      this.logger.warn({ count }, 'revocations were not sent within a day, and are given up');
    } catch (error) {
      this.tidyAt = performance.now() + AWAY_MS;
      this.logger.warn({ err: error }, 'the outbox of the revocation stream cannot be written');
    }
  }

  private async send(some: readonly Revocation[]): Promise<boolean> {
    const { redis } = this;
    const key = this.env.streamsHmacKey;
    if (redis === null || key === undefined) return false;
    try {
      await redis.ask((client) =>
        Promise.all(
          some.map((one) =>
            client.xAdd(REVOCATION_STREAM, '*', revocationEntry(one, key), { TRIM: AS_LONG_AS }),
          ),
        ),
      );
      this.revocations.inc({ result: 'sent' }, some.length);
      return true;
    } catch {
      // Why is said by the connection, once.
      this.revocations.inc({ result: 'failed' }, some.length);
      return false;
    }
  }
}
