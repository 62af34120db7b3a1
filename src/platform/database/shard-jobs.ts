import type { Logger } from 'pino';
import { DatabaseJob, type JobTerms } from './database-job.js';
import type { ZoneShards } from './zone-shards.js';

/**
 * Milliseconds between the first looks into two shards: a replica that starts makes the connections to all of them, and
 * each is some ten milliseconds of a worker's processor.
 */
const APART_MS = 100;

/**
 * A background job of a plain server, or one of each shard of a distributed database: each looks when it is its time, so
 * that one that waits for a worker, or fails there, holds up no other.
 */
export class ShardJobs {
  readonly name: string;
  private readonly jobs: readonly DatabaseJob[];
  private turn = 0;

  constructor(shards: ZoneShards | null, terms: JobTerms, logger: Logger) {
    this.name = terms.name;
    this.jobs =
      shards === null
        ? [new DatabaseJob(terms, logger)]
        : shards.all.map((shard) => {
            const { look, restMs } = terms;
            const there: JobTerms = {
              ...terms,
              look: (stopped) => shards.inShard(shard, () => look(stopped)),
              ...(restMs && { restMs: (took) => shards.inShard(shard, () => restMs(took)) }),
            };
            return new DatabaseJob(there, logger, { shard: shard.id });
          });
  }

  /** Whether it looks at all: of the workers of a replica one does. */
  get running(): boolean {
    return this.jobs.some(({ running }) => running);
  }

  /** Begins to look, into one shard after the other. */
  start(): void {
    for (const [place, job] of this.jobs.entries()) job.start(place * APART_MS);
  }

  /** Says that there may be something to do, wherever it is. Nothing happens if it was not started. */
  wake(): void {
    // Where there is little room for more, each is the first one in its turn.
    this.turn = (this.turn + 1) % this.jobs.length;
    for (const job of [...this.jobs.slice(this.turn), ...this.jobs.slice(0, this.turn)]) job.wake();
  }

  /** Ends it. @returns when the looks that are under way are over */
  async stop(): Promise<void> {
    await Promise.all(this.jobs.map((job) => job.stop()));
  }
}
