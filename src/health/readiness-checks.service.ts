import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { CommitCheck } from '../ledger/commit-check.service.js';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { outageOf } from '../platform/database/outage.js';
import { isDatabaseAway } from '../platform/http/database-error.js';
import { CustodyUnavailable } from '../sealing/key-encryption.js';
import {
  KeyEncryptionKeys,
  WrongKeyEncryptionKey,
} from '../sealing/key-encryption-keys.service.js';
import { Snapshots } from '../zones/snapshot/snapshots.service.js';
import { NotChecked, TookTooLong, type Check } from './background-checks.js';
import { clockSkew } from './clock-skew.js';
import { pendingMigrations } from './schema.js';
import { checkSigning } from './signing-check.js';

/** Milliseconds by which our clock may differ from the database's. */
const MAX_SKEW_MS = 5_000;

/** The checks, in the order in which they are shown. */
export const CHECKS = [
  'database',
  'migrations',
  'key_encryption_key',
  'ledger',
  'clock',
  'signing_keys',
] as const;
export type CheckName = (typeof CHECKS)[number];

/** Thrown by a check that failed, with a message that is public. */
class NotReady extends Error {
  override readonly name = 'NotReady';
}

/** What has to hold for mandates to be issued, each as a check that throws where it does not. */
@Injectable()
export class ReadinessChecks {
  readonly byName: Readonly<Record<CheckName, Check>> = {
    database: () => this.checkDatabase(),
    migrations: () => this.checkMigrations(),
    key_encryption_key: () => this.keyEncryptionKeys.verify(),
    ledger: () => this.commits.run(),
    clock: () => this.checkClock(),
    signing_keys: () => this.checkSigningKeys(),
  };
  private skewMs: number | null = null;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly keyEncryptionKeys: KeyEncryptionKeys,
    private readonly commits: CommitCheck,
    private readonly snapshots: Snapshots,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Milliseconds between our clock and that of the database, when both were last read; `null` before that. */
  get clockSkewMs(): number | null {
    return this.skewMs;
  }

  private async checkDatabase(): Promise<void> {
    await this.dataSource.query('SELECT 1');
  }

  private async checkMigrations(): Promise<void> {
    const pending = await pendingMigrations(this.dataSource);
    if (pending.length > 0) throw new NotReady(`pending: ${pending.join(', ')}`);
  }

  private async checkSigningKeys(): Promise<void> {
    await checkSigning(await this.snapshots.keyRingsToTry(), this.clock.now());
  }

  private async checkClock(): Promise<void> {
    const before = this.clock.now();
    const rows = await this.dataSource.query<{ now: string }[]>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::text AS now',
    );
    const skew = clockSkew({ before, theirs: Number(rows[0]?.now), after: this.clock.now() });
    this.skewMs = skew;
    // The negation also refuses NaN.
    if (!(skew <= MAX_SKEW_MS)) throw new NotReady('the clock differs from that of the database');
  }
}

/** What may be said of an error to any caller: no name, no address. */
export function reasonOf(error: unknown): string {
  if (error instanceof NotReady) return error.message;
  if (error instanceof TookTooLong) return 'the check took too long';
  if (error instanceof NotChecked) return 'there was no check lately';
  if (error instanceof WrongKeyEncryptionKey) return 'not the key that the database is sealed with';
  if (error instanceof CustodyUnavailable) return 'what keeps the keys is out of reach';
  const outage = outageOf(error);
  if (outage !== null) return `the database cannot be used: ${outage}`;
  return isDatabaseAway(error) ? 'the database does not answer' : 'the check failed';
}
