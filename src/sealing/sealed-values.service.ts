import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { SealBroken } from './key-encryption.js';
import { keyIdExpression } from './key-usage.js';
import type { SealContext } from './seal.js';
import { SEALED_COLUMNS, type SealedColumn } from './sealed-columns.js';
import { Sealing } from './sealing.service.js';

/** A sealed value in the database, and its place. */
export interface StoredValue {
  readonly place: SealedColumn;
  readonly zoneId: string;
  readonly id: string;
  /** The id of the key-encryption key in it, unverified. */
  readonly keyId: string;
  readonly sealed: Buffer;
}

/** Rows that are read at once. */
const PAGE = 200;

/** Reads and replaces the sealed values of the whole database. */
@Injectable()
export class SealedValues {
  constructor(
    private readonly sealing: Sealing,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /**
   * All sealed values, read in pages: values that are added meanwhile may be included, none comes twice.
   *
   * @param except the id of a key-encryption key whose values are left out
   */
  async *read(except: string | null = null): AsyncGenerator<StoredValue> {
    for (const place of SEALED_COLUMNS) {
      let last: StoredValue | null = null;
      for (;;) {
        const page = await this.page(place, except, last);
        yield* page;
        last = page.at(-1) ?? null;
        if (page.length < PAGE) break;
      }
    }
  }

  /** Whether a value opens. @throws {CustodyUnavailable} if its key-encryption key is out of reach */
  async opens(value: StoredValue): Promise<boolean> {
    try {
      (await this.sealing.open(contextOf(value), value.sealed)).fill(0);
      return true;
    } catch (error) {
      if (error instanceof SealBroken) return false;
      throw error;
    }
  }

  /**
   * Seals a value again, under the present key. Nothing is stored.
   *
   * @returns the new sealed value
   *
   * @throws {SealBroken} if it does not open
   * @throws {CustodyUnavailable} if a key-encryption key is out of reach
   */
  async reseal(value: StoredValue): Promise<Buffer> {
    const context = contextOf(value);
    const plaintext = await this.sealing.open(context, value.sealed);
    try {
      return await this.sealing.seal(context, plaintext);
    } finally {
      plaintext.fill(0);
    }
  }

  /**
   * Replaces a sealed value, if it has not changed since it was read.
   *
   * @returns whether it was replaced
   */
  async replace(tx: EntityManager, value: StoredValue, sealed: Buffer): Promise<boolean> {
    const { table, column, zone, id } = value.place;
    const rows: unknown = await tx.query(
      `WITH replaced AS (
         UPDATE ${table} SET ${column} = $4 WHERE ${zone} = $1 AND ${id} = $2 AND ${column} = $3
         RETURNING 1)
       SELECT 1 FROM replaced`,
      [value.zoneId, value.id, value.sealed, sealed],
    );
    return Array.isArray(rows) && rows.length === 1;
  }

  private async page(
    place: SealedColumn,
    except: string | null,
    last: StoredValue | null,
  ): Promise<StoredValue[]> {
    const { table, column, zone, id, only = 'true' } = place;
    const keyId = keyIdExpression(place);
    const rows = await this.dataSource.query<
      { zone_id: string; id: string; key_id: string; sealed: Buffer }[]
    >(
      `SELECT ${zone} AS zone_id, ${id}::text AS id, ${keyId} AS key_id, ${column} AS sealed
         FROM ${table}
        WHERE ${column} IS NOT NULL AND ${only} AND ($1::text IS NULL OR ${keyId} <> $1)
          ${last === null ? '' : `AND (${zone}, ${id}) > ($2, $3)`}
        ORDER BY ${zone}, ${id} LIMIT ${PAGE}`,
      last === null ? [except] : [except, last.zoneId, last.id],
    );
    return rows.map((row) => ({
      place,
      zoneId: row.zone_id,
      id: row.id,
      keyId: row.key_id,
      sealed: row.sealed,
    }));
  }
}

function contextOf({ place, zoneId, id }: StoredValue): SealContext {
  return { purpose: place.purpose, zoneId, id };
}
