import { setTimeout as sleep } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { BackgroundWork } from '../background-work.js';
import { ENV, type RunningEnv } from '../config/env.js';
import { LOGGER } from '../config/logger.js';
import { ChangeFeed, type ChangeKind } from './change-feed.js';
import type { JobTerms } from './database-job.js';
import { ShardJobs } from './shard-jobs.js';
import { zoneShardsOf } from './zone-shards.js';
import { UnderWay, type UnderWayTerms } from './under-way.js';

/** The share of the time to stop that looks and items under way have to end by themselves, and the most of it. */
const DRAIN_SHARE = 0.15;
const MAX_DRAIN_MS = 2_000;
/** Milliseconds in which a process says once at most that there is something for a job to do. */
const TELL_MS = 100;

/** What wakes a job beside notifications with its name. */
interface Wakes {
  readonly wokenBy?: readonly ChangeKind[];
}

/** A job that takes items which are due, and works on each for as long as that takes. */
export interface TakingTerms<Item>
  extends
    Wakes,
    Omit<JobTerms, 'look' | 'restMs'>,
    Omit<UnderWayTerms<Item>, 'onFailure' | 'onOver'> {
  /** What the log says if the work with an item throws. */
  readonly unknown: string;
  /**
   * Whether any item is due. Each shard of a distributed database is asked by itself; where there is one, they take one after
   * the other, so that the bounds of groups are for all together, and one that is away holds up nobody's turn.
   */
  readonly isAnyDue?: () => Promise<boolean>;
  /** Takes items that are due. @param underWay how many are worked on now, by group */
  readonly take: (most: number, underWay: ReadonlyMap<string, number>) => Promise<readonly Item[]>;
  /** Anything else that is to be done with each look. */
  readonly before?: () => Promise<void>;
}

/**
 * The background jobs that look into the database for something to do ({@link ShardJobs}). Who puts something there
 * wakes them: in SQL by `wake_job`, here by {@link tell}. They begin with the server, and end before its connections.
 */
@Injectable()
export class DatabaseJobs implements OnModuleInit, BeforeApplicationShutdown {
  private readonly jobs = new Map<string, ShardJobs>();
  /** Ends of jobs with all that they have begun. */
  private readonly ends: (() => Promise<void>)[] = [];
  private readonly telling = new Map<string, NodeJS.Timeout>();

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly changes: ChangeFeed,
    private readonly background: BackgroundWork,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(ENV) private readonly env: RunningEnv,
  ) {}

  onModuleInit(): void {
    this.changes.subscribe('work', {
      onChange: (name) => {
        for (const job of this.jobs.values()) if (job.name === name) job.wake();
      },
      // Notifications may have been lost.
      onReset: () => {
        for (const job of this.jobs.values()) job.wake();
      },
    });
  }

  /** Adds a job. It begins when the jobs do, unless `start` is called for that. */
  add(terms: JobTerms & Wakes, starts: 'with others' | 'by itself' = 'with others'): ShardJobs {
    const job = new ShardJobs(zoneShardsOf(this.env), terms, this.logger);
    this.jobs.set(job.name, job);
    for (const kind of terms.wokenBy ?? []) {
      this.changes.subscribe(kind, { onChange: () => job.wake(), onReset: () => {} });
    }
    this.ends.push(() => job.stop());
    if (starts === 'with others') this.background.addJob(() => job.start());
    return job;
  }

  /** Adds a job that takes items. It looks again when one is over, since there may be more of the same. */
  addTaking<Item>(terms: TakingTerms<Item>): ShardJobs {
    const { take, before, isAnyDue, unknown, ...rest } = terms;
    const underWay = new UnderWay<Item>({
      ...rest,
      onFailure: (item, error) => {
        if (job.running) this.logger.warn({ err: error, id: terms.idOf(item) }, unknown);
      },
      onOver: () => job.wake(),
    });
    const shards = zoneShardsOf(this.env)?.all.length ?? 1;
    /** What looks into other shards may take at this moment. */
    let reserved = 0;
    const begin = async (): Promise<boolean> => {
      const room = Math.ceil(Math.max(0, underWay.room - reserved) / shards);
      reserved += room;
      let due: readonly Item[];
      try {
        due = room === 0 ? [] : await take(room, underWay.byGroup());
      } finally {
        reserved -= room;
      }
      for (const item of due) underWay.begin(item);
      return due.length > 0;
    };
    const inTurn = oneAfterAnother(begin);
    const job = this.add({
      ...rest,
      look: async () => {
        await before?.();
        const hasBegun =
          isAnyDue === undefined ? await begin() : (await isAnyDue()) && (await inTurn());
        if (hasBegun) return 'more';
        // Others may have had all the room, and then it is not known whether any is due.
        return underWay.size > 0 || reserved > 0 ? 'waiting' : 'nothing';
      },
    });
    // The look that is under way may begin with more.
    this.ends.push(() => job.stop().then(() => underWay.over()));
    return job;
  }

  /**
   * Says that there may be something to do for a job, wherever that is done. What was put into the database is
   * committed, and nothing waits for this: for what is committed very often, where a notification in the transaction
   * would have all wait for one another (docs/decisions.md).
   */
  tell(name: string): void {
    const here = this.jobs.get(name);
    if (here?.running === true) {
      here.wake();
      return;
    }
    if (this.telling.has(name)) return;
    const timer = setTimeout(() => {
      this.telling.delete(name);
      // If it is lost, the job finds it a moment later by itself.
      this.dataSource.query('SELECT wake_job($1)', [name]).catch(() => {});
    }, TELL_MS).unref();
    this.telling.set(name, timer);
  }

  /** Ends all, and waits for what is under way, but not for long: what is left is done by others, or again. */
  async beforeApplicationShutdown(): Promise<void> {
    for (const timer of this.telling.values()) clearTimeout(timer);
    const most = Math.min(MAX_DRAIN_MS, this.env.stopSeconds * 1_000 * DRAIN_SHARE);
    const late = new AbortController();
    await Promise.race([
      Promise.all(this.ends.map((end) => end())),
      sleep(most, undefined, { signal: late.signal }).catch(() => {}),
    ]);
    late.abort();
  }
}

/** Has what is called at the same time done one after the other, each for whom has called it. */
function oneAfterAnother<T>(work: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
}
