import { JoinedReads, type JoinedReadLimits } from './joined-reads.js';
import type { ZoneShards } from './zone-shards.js';

/** {@link JoinedReads} about zones, each asked at the shard that has it, whatever the work is about that asks. */
export class JoinedShardReads<Q, A> {
  private readonly reads: JoinedReads<Q, A>;

  /** @param read answers questions, in their order, by one statement */
  constructor(
    private readonly shards: ZoneShards | null,
    read: (questions: readonly Q[]) => Promise<readonly A[]>,
    limits: JoinedReadLimits,
  ) {
    this.reads = new JoinedReads(read, limits);
  }

  /** Asks about a zone, as {@link JoinedReads.ask} does. */
  ask(zoneId: string, name: string, question: Q): Promise<A> {
    const ask = () => this.reads.ask(name, question);
    return this.shards === null ? ask() : this.shards.inZone(zoneId, ask);
  }

  /**
   * Asks about something of which the zone is not known.
   *
   * @returns what all have answered; where nodes are away, what the others have, if any has it
   * @throws what the first has thrown that could not answer, if no other has it
   */
  async askAll(name: string, question: Q, has: (answer: A) => boolean): Promise<A[]> {
    const { shards } = this;
    if (shards === null) return [await this.reads.ask(name, question)];
    const asked = await Promise.allSettled(
      shards.all.map((shard) => shards.inShard(shard, () => this.reads.ask(name, question))),
    );
    const answers = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failed = asked.find((one) => one.status === 'rejected');
    if (failed !== undefined && !answers.some(has)) throw failed.reason;
    return answers;
  }
}
