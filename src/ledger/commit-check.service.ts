import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import type { ZoneShard } from '../platform/database/zone-shard.js';
import { zoneShardsOf } from '../platform/database/zone-shards.js';
import { Ledger } from './ledger.service.js';

/** Milliseconds for which a mandate that was recorded proves that others can be. */
const PROOF_MS = 5_000;

/** Whether mandates can be recorded. */
@Injectable()
export class CommitCheck {
  /** What this process calls its row in `ledger_probes`. */
  private readonly process = uuidv7();

  constructor(
    @Inject(Ledger) private readonly ledger: Pick<Ledger, 'issuedAt' | 'probe'>,
    @InjectDataSource() private readonly dataSource: Pick<DataSource, 'query'>,
    @Inject(ENV) private readonly env: Pick<RunningEnv, 'limits' | 'zoneShards'>,
  ) {}

  /**
   * Goes the way of a mandate that is recorded (`ledger_probe` in probe.sql), unless one has just gone it: on a
   * connection of the pool, so that nothing which is issued waits with it for a lock, and on the ledger's own
   * without writing anything.
   *
   * @throws the driver's error
   */
  async run(): Promise<void> {
    const { issuedAt } = this.ledger;
    if (issuedAt !== null && performance.now() - issuedAt < PROOF_MS) return;
    const shards = zoneShardsOf(this.env);
    if (shards === null) return this.goTheWay(null);
    // A node that is away takes its zones away, and no others.
    await Promise.any(shards.all.map((shard) => shards.inShard(shard, () => this.goTheWay(shard))));
  }

  private async goTheWay(shard: ZoneShard | null): Promise<void> {
    await this.ledger.probe(shard);
    const { lockMs } = this.env.limits;
    await this.dataSource.query('SELECT ledger_probe($1, $2)', [this.process, lockMs]);
  }
}
