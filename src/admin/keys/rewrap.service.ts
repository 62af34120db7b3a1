import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { NO_ZONE } from '../../ledger/entry.js';
import { SealBroken } from '../../sealing/key-encryption.js';
import { SealedValues, type StoredValue } from '../../sealing/sealed-values.service.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { COMMAND_LINE } from '../operators/operator.js';

/** What came of sealing everything anew. */
export interface Rewrapped {
  /** Sealed under the present key now. */
  readonly done: number;
  /** Changed by another writer meanwhile, or removed: another run finds what is left to do. */
  readonly skipped: number;
  /** What did not open. It was left as it is. */
  readonly broken: readonly StoredValue[];
}

/**
 * Seals everything that is sealed anew, under the key that seals now, while the service is running. Each
 * value is a transaction of its own, with its audit event, and is compared before it is replaced. So it
 * may be killed at any time, and goes on where it was when it is run again.
 */
@Injectable()
export class Rewrap {
  constructor(
    private readonly sealedValues: SealedValues,
    private readonly sealing: Sealing,
    private readonly changes: AuditedChanges,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /**
   * @param all also what is sealed under the present key already, such as after it was rotated in a KMS
   * @throws {CustodyUnavailable} if a key-encryption key is out of reach; what is done stays done
   */
  async run(all: boolean): Promise<Rewrapped> {
    let done = 0;
    let skipped = 0;
    const broken: StoredValue[] = [];
    for await (const value of this.sealedValues.read(all ? null : this.sealing.keks.sealing.id)) {
      try {
        // Outside of the transaction: a KMS may be slow, and the zone is locked in there.
        const sealed = await this.sealedValues.reseal(value);
        if (await this.replace(value, sealed)) done += 1;
        else skipped += 1;
      } catch (error) {
        if (!(error instanceof SealBroken)) throw error;
        broken.push(value);
      }
    }
    return { done, skipped, broken };
  }

  private async isAway(zoneId: string): Promise<boolean> {
    const rows = await this.dataSource.query<unknown[]>(AWAY, [zoneId]);
    return rows.length > 0;
  }

  private async replace(value: StoredValue, sealed: Buffer): Promise<boolean> {
    const { zoneId, id, keyId: from, place } = value;
    const change = {
      // Nothing is added to the log of a zone that is not served here.
      zoneId: (await this.isAway(zoneId)) ? NO_ZONE : zoneId,
      requestId: { request_id: uuidv7() },
      type: 'sealed_value.rewrapped',
      operator: COMMAND_LINE,
    };
    const replaced = await this.changes.runWithoutZone(change, async (tx) => {
      if (!(await this.sealedValues.replace(tx, value, sealed))) return null;
      const { table, column } = place;
      const details = { table, column, zone: zoneId, id, from, to: this.sealing.keks.sealing.id };
      return { result: true, details };
    });
    return replaced !== null;
  }
}

const AWAY = 'SELECT 1 FROM zones WHERE id = $1 AND away IS NOT NULL';
