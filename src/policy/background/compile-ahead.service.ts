import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import { atMost } from '../../platform/at-most.js';
import { PolicySets } from '../policy-sets.service.js';

/** The most zones that may wait; the sets of others are compiled when they are needed. */
const MAX_WAITING = 500;

/**
 * Compiles the newest set version of a zone before it is activated, so that the first request after the
 * activation need not wait for it. One set at a time; nothing relies on it.
 */
@Injectable()
export class CompileAhead {
  private readonly waiting = new Set<string>();
  /** The set version that was compiled last, by zone id. */
  private readonly done = new LRUCache<string, string>(atMost(MAX_WAITING));
  private running = false;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly policySets: PolicySets,
  ) {}

  /** Queues a zone that changed; perhaps its policies did. */
  consider(zoneId: string): void {
    if (this.waiting.size >= MAX_WAITING) return;
    this.waiting.add(zoneId);
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    for (const zoneId of this.waiting) {
      this.waiting.delete(zoneId);
      // An error here comes again when the set is needed, and is reported then.
      await this.compileNewest(zoneId).catch(() => {});
    }
    this.running = false;
  }

  private async compileNewest(zoneId: string): Promise<void> {
    const { manager } = this.dataSource;
    // The ids are UUIDv7, and the key begins with the zone: this reads one row.
    const [newest] = await manager.query<{ id: string }[]>(
      'SELECT id FROM policy_set_versions WHERE zone_id = $1 ORDER BY id DESC LIMIT 1',
      [zoneId],
    );
    if (newest === undefined || this.done.get(zoneId) === newest.id) return;
    await this.policySets.open(await this.policySets.read(manager, zoneId, newest.id));
    this.done.set(zoneId, newest.id);
  }
}
