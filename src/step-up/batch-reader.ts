import { PerShard } from '../platform/database/shard-scope.js';

/** A caller that waits for what it has asked for. */
interface PendingRead<T> {
  readonly resolve: (found: T | null) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Reads rows by id, one query at a time: a read that is asked for during one query is in the next one, so
 * what is read is never older than the question, and any number of reads at once cost two queries.
 */
export class BatchReader<T extends { readonly id: string }> {
  private readonly batches: PerShard<Batches<T>>;

  /** @param readAll reads those that exist */
  constructor(readAll: (ids: readonly string[]) => Promise<readonly T[]>) {
    this.batches = new PerShard((at) => new Batches((ids) => at(() => readAll(ids))));
  }

  /**
   * Reads a row in the next query.
   *
   * @returns `null` if there is no such row
   * @throws what `readAll` throws
   */
  read(id: string): Promise<T | null> {
    return this.batches.current.read(id);
  }
}

/** Those who wait for one query after the other. */
class Batches<T extends { readonly id: string }> {
  private next = new Map<string, PendingRead<T>[]>();
  private running = false;

  constructor(private readonly readAll: (ids: readonly string[]) => Promise<readonly T[]>) {}

  read(id: string): Promise<T | null> {
    return new Promise((resolve, reject) => {
      const asked = this.next.get(id) ?? [];
      asked.push({ resolve, reject });
      this.next.set(id, asked);
      if (!this.running) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.next.size > 0) {
      const batch = this.next;
      this.next = new Map();
      try {
        const found = new Map((await this.readAll([...batch.keys()])).map((one) => [one.id, one]));
        for (const [id, asked] of batch) {
          for (const { resolve } of asked) resolve(found.get(id) ?? null);
        }
      } catch (error) {
        for (const asked of batch.values()) for (const { reject } of asked) reject(error);
      }
    }
    this.running = false;
  }
}
