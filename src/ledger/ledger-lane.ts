import { v7 as uuidv7 } from 'uuid';
import type { TimeLimits } from '../platform/config/time-limits.js';
import type { Committed, Entry, OpenedChallenge, Receipt } from './entry.js';
import { GroupCommit, NotSent, type BatchObserver } from './group-commit.js';
import { isStatementError, LedgerConnection, Unanswered } from './ledger.connection.js';

const LIMITS = { maxBatch: 128, maxWaiting: 4_096, maxWaitMs: 1_500 } as const;
/** Milliseconds in which the entries of a batch that failed are tried one by one. */
const ALONE_MS = 1_000;

/** What became of an entry; `null` if another transaction holds something that it needs, and nothing was done. */
export type Tried = Committed | null;

/** Thrown for an entry that may be on record or not: nothing may be issued for it, and nothing else be said of it. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';
}

/** How a {@link LedgerLane} differs from others. */
export interface LaneOptions {
  readonly url: string;
  readonly limits: TimeLimits;
  /** What the database calls its connection. */
  readonly name: string;
  /** Whether to wait, behind other batches, for what those spend. */
  readonly patient: boolean;
  /** How long a batch waits for a table that is locked, in milliseconds. */
  readonly lockMs: number;
  /** Where the entries of a batch go that failed; one by one on this lane if absent. */
  readonly failed?: LedgerLane;
  readonly observer: BatchObserver;
}

/** A connection on which entries are committed in batches, one at a time, under hash chains of its own. */
export class LedgerLane {
  /** The id of its hash chains. A connection whose end is not known may still write to those that it has begun. */
  private writer = uuidv7();
  private readonly connection: LedgerConnection;
  private readonly group: GroupCommit<Entry, Tried>;

  constructor(private readonly options: LaneOptions) {
    this.connection = new LedgerConnection(
      options.url,
      options.name,
      options.lockMs,
      options.limits,
    );
    this.group = new GroupCommit((batch) => this.send(batch), LIMITS, options.observer);
  }

  /**
   * Tries one entry, with others.
   *
   * @throws {OutcomeUnknown}; `NotSent` or the driver's error if it is not on record
   */
  try(entry: Entry): Promise<Tried> {
    return this.group.submit(entry);
  }

  /** Runs another statement on the connection. @throws the driver's error */
  rows(name: string, text: string, values: unknown[]): Promise<Record<string, unknown>[]> {
    return this.connection.rows(name, text, values);
  }

  /** Commits an empty batch. @throws the driver's error */
  async probe(): Promise<void> {
    await this.record([]);
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  private async send(batch: readonly Entry[]): Promise<(Tried | Promise<Tried>)[]> {
    try {
      return await this.record(batch);
    } catch (error) {
      if (error instanceof Unanswered) return this.settle(batch, error);
      const { failed } = this.options;
      if (!isStatementError(error) || (batch.length === 1 && failed === undefined)) throw error;
      // The server refused a value of one entry and rolled back all, or a table was locked.
      return failed === undefined ? this.eachAlone(batch) : batch.map((entry) => failed.try(entry));
    }
  }

  private async eachAlone(batch: readonly Entry[]): Promise<Promise<Tried>[]> {
    const until = performance.now() + ALONE_MS;
    const settled: Promise<Tried>[] = [];
    for (const entry of batch) {
      const late = performance.now() > until;
      const one = late ? Promise.reject(new NotSent('others took too long')) : this.alone(entry);
      settled.push(one);
      await one.catch(() => {});
    }
    return settled;
  }

  private async alone(entry: Entry): Promise<Tried> {
    const [tried] = await this.record([entry]).catch((error: unknown) => {
      if (error instanceof Unanswered) return this.settle([entry], error);
      throw error;
    });
    return (await tried) ?? null;
  }

  /**
   * Finds out what became of a batch whose answer was lost, once it cannot be committed any more. What is not
   * on record is sent again.
   */
  private async settle(
    batch: readonly Entry[],
    lost: Unanswered,
  ): Promise<(Tried | Promise<Tried>)[]> {
    const outcomes = await this.lookUp(batch, lost);
    const absent = batch.filter((_, i) => outcomes[i] === undefined);
    const again = absent.length === 0 ? Promise.resolve([]) : this.sendAgain(absent);
    await again.catch(() => {});
    return batch.map(
      (entry, i) => outcomes[i] ?? again.then((tried) => tried[absent.indexOf(entry)] ?? null),
    );
  }

  private async lookUp(batch: readonly Entry[], lost: Unanswered): Promise<(Tried | undefined)[]> {
    try {
      if (!(await this.connection.end(lost.backend))) throw lost;
      const rows = await this.rows('ledger_outcomes', OUTCOMES, [JSON.stringify(batch)]);
      return read(rows, batch);
    } catch (cause) {
      this.writer = uuidv7();
      throw new OutcomeUnknown('it is not known what became of it', { cause });
    }
  }

  private async sendAgain(batch: readonly Entry[]): Promise<Tried[]> {
    try {
      return await this.record(batch);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      this.writer = uuidv7();
      throw new OutcomeUnknown('it is not known what became of it', { cause: error });
    }
  }

  private async record(batch: readonly Entry[]): Promise<Tried[]> {
    const values = [this.writer, JSON.stringify(batch), this.options.patient];
    const tried = read(await this.rows('ledger_record', RECORD, values), batch);
    return tried.map((one) => {
      if (one === undefined) throw new Error('the ledger answered with an unknown status');
      return one;
    });
  }
}

/** Reads an answer of the ledger; `undefined` is of an entry that is not on record. */
function read(
  rows: readonly Record<string, unknown>[],
  batch: readonly Entry[],
): (Tried | undefined)[] {
  return rows.map((row, i) => {
    const entry = batch[i];
    if (entry === undefined) throw new Error('the ledger answered for more entries than sent');
    switch (row['status']) {
      case 'recorded':
        return { status: 'recorded', receipt: receiptFor(entry), ...openedIn(row) };
      case 'stale':
        return { status: 'stale' };
      case 'busy':
        return null;
      case 'absent':
        return undefined;
      case 'refused': {
        const fact = entry.facts[Number(row['fact_index'])];
        if (fact === undefined) throw new Error('the ledger refused for a fact that was not sent');
        return { status: 'refused', fact };
      }
      default:
        throw new Error('the ledger answered with an unknown status');
    }
  });
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

const RECORD = `SELECT ord, status, fact_index, challenge FROM ledger_record($1, $2, $3) ORDER BY ord`;

const OUTCOMES = 'SELECT ord, status, fact_index, challenge FROM ledger_outcomes($1) ORDER BY ord';
