import { JoinedReads, type JoinedReadLimits } from './joined-reads.js';
import { findInShards } from './each-shard.js';
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
   * Asks about something of which the zone is not known, and waits for no other node once one has it.
   *
   * @returns the first answer that has it, though others are away; null if none has it
   * @throws what the first has thrown that could not answer, if no other has it
   */
  async askAny(name: string, question: Q, has: (answer: A) => boolean): Promise<A | null> {
    return findInShards(this.shards, async () => {
      const answer = await this.reads.ask(name, question);
      return has(answer) ? answer : null;
    });
  }
}
