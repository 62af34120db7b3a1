import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Histogram } from 'prom-client';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { ENV, type RunningEnv } from '../platform/config/env.js';
import type { AuditEvent, Committed, Entry, Nonce, OpenedChallenge, Receipt } from './entry.js';
import { GroupCommit } from './group-commit.js';
import { isStatementError, LedgerConnection } from './ledger.connection.js';
import { BATCH_SECONDS, BATCH_SIZE } from './ledger.metrics.js';

/**
 * Commits what happened, or says which fact moved. One statement on the server re-checks and
 * records (`ledger_commit` in ledger.sql), so there is no moment between the two.
 */
@Injectable()
export class Ledger implements OnApplicationShutdown {
  /** The id of this process's hash chains; a new one for every start. */
  readonly writer = uuidv7();
  /** The id of the chains of operators' changes, so that their transactions never hold up issuing. */
  private readonly operatorWriter = uuidv7();
  private readonly connection: LedgerConnection;
  private readonly group: GroupCommit<Entry, Committed>;
  private lastIssuedAt: number | null = null;

  constructor(
    @Inject(ENV) env: RunningEnv,
    @InjectMetric(BATCH_SIZE) batchSize: Histogram,
    @InjectMetric(BATCH_SECONDS) batchSeconds: Histogram,
  ) {
    this.connection = new LedgerConnection(env.databaseUrl, env.limits);
    this.group = new GroupCommit(
      (batch) => this.send(batch),
      { maxBatch: 128, maxWaiting: 4_096, maxWaitMs: 1_500 },
      {
        batch(size, seconds) {
          batchSize.observe(size);
          batchSeconds.observe(seconds);
        },
      },
    );
  }

  /**
   * Checks and records one entry, durably.
   *
   * @returns the receipt, the fact that moved, or `stale`
   * @throws the driver's error or `NotSent` if it is not known to be recorded; then nothing may
   *   be issued for it
   */
  async commit(entry: Entry): Promise<Committed> {
    const committed = await this.group.submit(entry);
    if (committed.status === 'recorded' && entry.event.outcome === 'issued') {
      this.lastIssuedAt = performance.now();
    }
    return committed;
  }

  /** When something that is issued was recorded last, by `performance.now`; `null` if nothing was. */
  get issuedAt(): number | null {
    return this.lastIssuedAt;
  }

  /**
   * Spends a nonce, where nothing else is to be recorded.
   *
   * @returns `false` if it was spent before
   * @throws the driver's error
   */
  async spend(zoneId: string, { purpose, nonce, day }: Nonce): Promise<boolean> {
    const spent = await this.connection.rows('spend_nonce', SPEND, [zoneId, purpose, nonce, day]);
    return spent.length === 1;
  }

  /** Records an operator's change, in the transaction `tx` that makes the change. */
  async append(tx: EntityManager, zoneId: string, event: AuditEvent): Promise<void> {
    await tx.query('SELECT audit_append($1, $2, $3, $4)', [
      zoneId,
      this.operatorWriter,
      uuidv7(),
      JSON.stringify(event),
    ]);
  }

  /**
   * Commits an empty batch, to see whether commits would work now.
   *
   * @throws the driver's error
   */
  async probe(): Promise<void> {
    await this.connection.rows('ledger_commit', COMMIT, [this.writer, '[]']);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.connection.close();
  }

  private async send(batch: readonly Entry[]): Promise<PromiseSettledResult<Committed>[]> {
    try {
      const committed = await this.commitBatch(batch);
      return committed.map((value) => ({ status: 'fulfilled', value }));
    } catch (error) {
      // The server refused a value of one entry and rolled back all: commit each alone.
      if (batch.length === 1 || !isStatementError(error)) throw error;
      return Promise.allSettled(
        batch.map(async (entry) => {
          const [committed] = await this.commitBatch([entry]);
          if (committed === undefined)
            throw new Error('the ledger did not answer', { cause: error });
          return committed;
        }),
      );
    }
  }

  private async commitBatch(batch: readonly Entry[]): Promise<Committed[]> {
    const rows = await this.connection.rows('ledger_commit', COMMIT, [
      this.writer,
      JSON.stringify(batch),
    ]);
    return rows.map((row, i): Committed => {
      const entry = batch[i];
      if (entry === undefined) throw new Error('the ledger answered for more entries than sent');
      switch (row['status']) {
        case 'recorded':
          return { status: 'recorded', receipt: receiptFor(entry), ...openedIn(row) };
        case 'stale':
          return { status: 'stale' };
        case 'refused': {
          const fact = entry.facts[Number(row['fact_index'])];
          if (fact === undefined)
            throw new Error('the ledger refused for a fact that was not sent');
          return { status: 'refused', fact };
        }
        default:
          throw new Error('the ledger answered with an unknown status');
      }
    });
  }
}

function openedIn({ challenge }: Record<string, unknown>): { challenge?: OpenedChallenge } {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as challenge_open makes it
  return challenge === null ? {} : { challenge: challenge as OpenedChallenge };
}

/** The one place where a receipt is made. */
function receiptFor(entry: Entry): Receipt {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the brand exists in types only
  return { eventId: entry.event_id } as Receipt;
}

const SPEND = `INSERT INTO spent_nonces (zone_id, purpose, nonce, day) VALUES ($1, $2, $3, $4)
  ON CONFLICT DO NOTHING RETURNING 1 AS spent`;

const COMMIT = 'SELECT ord, status, fact_index, challenge FROM ledger_commit($1, $2) ORDER BY ord';
