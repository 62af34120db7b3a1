import type { Hash } from 'node:crypto';
import type pg from 'pg';
import { MOVED } from './moved-tables.js';
import { RowWriter, ZONE_ROW, type Opening } from './moved-rows.js';
import { BrokenFile } from './sealed-parts.js';
import type { Manifest } from './zone-file.js';

/** What was written, and what is signed of it. */
export interface WrittenLines {
  /** The statement of the sender, which is verified when all was read. */
  readonly signed: string;
  readonly rows: number;
}

/**
 * Writes the rows of a file, table by table in the order in which they are sent.
 *
 * @param client in a transaction
 * @param hash is given each line but the last one
 * @throws {BrokenFile} if it has something else
 */
export async function writeLines(
  client: pg.Client,
  { zoneId }: Manifest,
  lines: AsyncGenerator<string>,
  hash: Hash,
  sealing: Opening,
): Promise<WrittenLines> {
  const tables = [ZONE_ROW, ...MOVED].values();
  let writer: RowWriter | null = null;
  let rows = -1;
  let signed: string | null = null;
  for await (const line of lines) {
    if (signed !== null) throw new BrokenFile('it has something behind its signature');
    if (line.startsWith('{"row":')) {
      if (writer === null) throw new BrokenFile('it has a row of no table');
      await writer.add(line);
      rows += 1;
    } else {
      await writer?.flush();
      const said: { table?: unknown; signed?: unknown } = Object(JSON.parse(line));
      const next = tables.next();
      if (next.done === true) {
        if (typeof said.signed !== 'string') throw new BrokenFile('it has a table too many');
        ({ signed } = { signed: said.signed });
        continue;
      }
      if (said.table !== next.value.name) throw new BrokenFile('its tables are not those here');
      writer = new RowWriter(client, next.value, zoneId, sealing);
      if (next.value !== ZONE_ROW) await writer.begin();
    }
    hash.update(`${line}\n`);
  }
  if (signed === null) throw new BrokenFile('it is not signed');
  return { signed, rows };
}
