import { JoinedReads, type JoinedReadLimits } from './joined-reads.js';
import type { ZoneShard, ZoneShards } from './zone-shards.js';

/**
 * {@link JoinedReads} of each shard of a distributed database by itself, so that none waits for a node that is away, or fails
 * with it. On a plain server they are one.
 */
export class JoinedShardReads<Q, A> {
  /** By the shard, or by `null` on a plain server. */
  private readonly reads: ReadonlyMap<ZoneShard | null, JoinedReads<Q, A>>;

  /** @param read answers questions, in their order, by one statement */
  constructor(
    private readonly shards: ZoneShards | null,
    read: (questions: readonly Q[]) => Promise<readonly A[]>,
    limits: JoinedReadLimits,
  ) {
    const inShard = (shard: ZoneShard) =>
      new JoinedReads<Q, A>(
        (questions) => shards?.inShard(shard, () => read(questions)) ?? read(questions),
        limits,
      );
    this.reads = new Map(
      shards === null
        ? [[null, new JoinedReads(read, limits)]]
        : shards.all.map((shard) => [shard, inShard(shard)]),
    );
  }

  /** Asks about a zone, as {@link JoinedReads.ask} does. */
  ask(zoneId: string, name: string, question: Q): Promise<A> {
    const reads = this.reads.get(this.shards?.of(zoneId) ?? null);
    if (reads === undefined) throw new Error('the zone is in no shard');
    return reads.ask(name, question);
  }

  /**
   * Asks about something of which the zone is not known.
   *
   * @returns what all have answered; where nodes are away, what the others have, if any has it
   * @throws what the first has thrown that could not answer, if no other has it
   */
  async askAll(name: string, question: Q, has: (answer: A) => boolean): Promise<A[]> {
    const asked = await Promise.allSettled(
      [...this.reads.values()].map((reads) => reads.ask(name, question)),
    );
    const answers = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failed = asked.find((one) => one.status === 'rejected');
    if (failed !== undefined && !answers.some(has)) throw failed.reason;
    return answers;
  }
}
