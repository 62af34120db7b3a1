import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { SealBroken } from './key-encryption.js';
import { keyIdExpression } from './key-usage.js';
import type { SealContext } from './seal.js';
import { SEALED_COLUMNS, type SealedColumn } from './sealed-columns.js';
import { Sealing } from './sealing.service.js';

/** A value that is sealed in the database, and where. */
export interface StoredValue {
  readonly place: SealedColumn;
  readonly zoneId: string;
  readonly id: string;
  /** The name of the key-encryption key that it says it is sealed under. */
  readonly keyId: string;
  readonly sealed: Buffer;
}

/** Rows that are read at once. */
const PAGE = 200;

/** Reads what is sealed, wherever in the database that is, and puts something else in its place. */
@Injectable()
export class SealedValues {
  constructor(
    private readonly sealing: Sealing,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /**
   * All sealed values, in pages: what is added meanwhile may be among them, and nothing is there twice.
   *
   * @param except the name of a key-encryption key whose values are left out
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

  /** Whether a value opens. */
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
   * Seals a value anew, under the key that seals now. Nothing is stored.
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
   * Puts a value sealed anew in the place of the old one, if that is still there.
   *
   * @returns whether it was
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
    const { table, column, zone, id } = place;
    const keyId = keyIdExpression(place);
    const rows = await this.dataSource.query<
      { zone_id: string; id: string; key_id: string; sealed: Buffer }[]
    >(
      `SELECT ${zone} AS zone_id, ${id}::text AS id, ${keyId} AS key_id, ${column} AS sealed
         FROM ${table}
        WHERE ${column} IS NOT NULL AND ($1::text IS NULL OR ${keyId} <> $1)
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
