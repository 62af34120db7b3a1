import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import { PolicySets } from '../policy-sets.service.js';

/** Zones that may wait; one that is left out is compiled when it is needed. */
const MAX_WAITING = 500;

/**
 * Compiles the newest set version of a zone before anybody activates it, so that a replica that did
 * not hear of the activation before its next request need not compile during that request. One set at
 * a time; nothing relies on it.
 */
@Injectable()
export class CompileAhead {
  private readonly waiting = new Set<string>();
  /** Zone id to the set version that was compiled ahead last, for better or worse. */
  private readonly done = new LRUCache<string, string>({ max: MAX_WAITING });
  private running = false;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly policySets: PolicySets,
  ) {}

  /** Something in a zone changed, perhaps its policies. */
  consider(zoneId: string): void {
    if (this.waiting.size >= MAX_WAITING) return;
    this.waiting.add(zoneId);
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    for (const zoneId of this.waiting) {
      this.waiting.delete(zoneId);
      // What fails here fails again when it is needed, and is told then.
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
