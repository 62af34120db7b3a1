import { v7 as uuidv7 } from 'uuid';
import type { TimeLimits } from '../platform/config/time-limits.js';
import type { Entry } from './entry.js';
import { GroupCommit, NotSent, type BatchObserver } from './group-commit.js';
import {
  batchOf,
  FIND,
  findingValues,
  readAnswer,
  readFound,
  RECORD,
  TAKE_BACK,
  type BatchAnswer,
  type ChainEnds,
  type LedgerBatch,
  type Tried,
} from './ledger-batch.js';
import { isStatementError, LedgerConnection, Unanswered } from './ledger.connection.js';
import { writeEntry, type WrittenEntry } from './written-entry.js';

const LIMITS = { maxBatch: 128, maxWaiting: 4_096 } as const;

/** The most chains whose ends a lane remembers; when there are more it forgets them, and they are read once more. */
const MAX_CHAIN_ENDS = 10_000;

/** Thrown for an entry that may be on record or not: nothing may be issued for it, and nothing else be said of it. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';
}

/** How a {@link LedgerLane} differs from others. */
export interface LaneOptions {
  /** Where the database is now. */
  readonly url: () => string;
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
  /** Told what each statement has thrown that failed. */
  readonly onFailure?: (error: unknown) => void;
  /** Told when the chain of a zone ends elsewhere than this lane has left it, which nothing that is right does. */
  readonly onOtherEnd?: (zoneId: string, believed: number, found: number) => void;
}

/** A connection on which entries are committed in batches, one at a time, under hash chains of its own. */
export class LedgerLane {
  /** The id of its hash chains. A connection whose end is not known may still write to those that it has begun. */
  private writer = uuidv7();
  private readonly connection: LedgerConnection;
  private readonly group: GroupCommit<WrittenEntry, Tried>;
  /** Only this lane writes to its chains, one batch after the other, so it knows where they end. */
  private readonly ends: ChainEnds = new Map();

  constructor(private readonly options: LaneOptions) {
    this.connection = new LedgerConnection(
      options.url,
      options.name,
      options.lockMs,
      options.limits,
      options.onFailure,
    );
    this.group = new GroupCommit(
      (batch) => this.send(batch),
      { ...LIMITS, maxWaitMs: options.limits.queueMs },
      options.observer,
    );
  }

  /**
   * Tries one entry, with others.
   *
   * @throws {OutcomeUnknown}; `NotSent`, `UnwritableEntry` or the driver's error if it is not on record
   */
  async try(entry: Entry): Promise<Tried> {
    return this.group.submit(writeEntry(entry));
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

  private async send(batch: readonly WrittenEntry[]): Promise<readonly (Tried | Promise<Tried>)[]> {
    try {
      return await this.record(batch);
    } catch (error) {
      if (error instanceof Unanswered) return this.settle(batch, error);
      const { failed } = this.options;
      if (!isStatementError(error) || (batch.length === 1 && failed === undefined)) throw error;
      // The server refused a value of one entry and rolled back all, or a table was locked.
      return failed === undefined
        ? this.eachAlone(batch)
        : batch.map((one) => failed.group.submit(one));
    }
  }

  private async eachAlone(batch: readonly WrittenEntry[]): Promise<Promise<Tried>[]> {
    // All of them together have no more time than one statement: others wait behind them.
    const until = performance.now() + this.options.limits.statementMs;
    const settled: Promise<Tried>[] = [];
    for (const entry of batch) {
      const late = performance.now() > until;
      const one = late ? Promise.reject(new NotSent('others took too long')) : this.alone(entry);
      settled.push(one);
      await one.catch(() => {});
    }
    return settled;
  }

  private async alone(entry: WrittenEntry): Promise<Tried> {
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
    batch: readonly WrittenEntry[],
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

  private async lookUp(
    batch: readonly WrittenEntry[],
    lost: Unanswered,
  ): Promise<(Tried | undefined)[]> {
    try {
      if (!(await this.connection.end(lost.backend))) throw lost;
      const rows = await this.rows('ledger_find', FIND, findingValues(batch));
      this.ends.clear();
      return readFound(rows, batch);
    } catch (cause) {
      this.beginAnew();
      throw new OutcomeUnknown('it is not known what became of it', { cause });
    }
  }

  private async sendAgain(batch: readonly WrittenEntry[]): Promise<readonly Tried[]> {
    try {
      return await this.record(batch);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      this.beginAnew();
      throw new OutcomeUnknown('it is not known what became of it', { cause: error });
    }
  }

  private async record(entries: readonly WrittenEntry[]): Promise<readonly Tried[]> {
    const { patient } = this.options;
    const batch = batchOf(entries, { writer: this.writer, patient, ends: this.ends });
    const { values, takenBack } = batch;
    const rows =
      takenBack === null
        ? await this.rows('ledger_commit_entries', RECORD, values)
        : await this.rows('ledger_take_back', TAKE_BACK, [...values, takenBack]);
    try {
      const answer = readAnswer(rows, batch);
      this.remember(batch, answer);
      return answer.tried;
    } catch (cause) {
      throw new OutcomeUnknown('the answer of the ledger cannot be read', { cause });
    }
  }

  /** Believes what the ledger says of the ends of chains. */
  private remember({ entries, zoneIds }: LedgerBatch, { tried, ends }: BatchAnswer): void {
    if (this.ends.size > MAX_CHAIN_ENDS) this.ends.clear();
    const expected = new Map(zoneIds.map((id) => [id, this.ends.get(id)]));
    for (const [i, { entry }] of entries.entries()) {
      const end = expected.get(entry.zone_id);
      if (end !== undefined && isAppended(tried[i] ?? null)) expected.set(entry.zone_id, end + 1);
    }
    for (const [i, zoneId] of zoneIds.entries()) {
      const end = ends[i] ?? null;
      const believed = expected.get(zoneId);
      if (end === null) this.ends.delete(zoneId);
      else this.ends.set(zoneId, end);
      // A chain that nothing was added to for long may have gone with its last day, and begins anew.
      if (end === null || end === 0 || believed === undefined || end === believed) continue;
      this.options.onOtherEnd?.(zoneId, believed, end);
    }
  }

  /** Leaves the chains to a statement whose end is not known, and begins others. */
  private beginAnew(): void {
    this.writer = uuidv7();
    this.ends.clear();
  }
}

function isAppended(tried: Tried): boolean {
  return tried !== null && tried.status !== 'stale';
}
