import type pg from 'pg';
import type { Sealing } from '../../sealing/sealing.service.js';
import { SEALED_COLUMNS, type SealedColumn } from '../../sealing/sealed-columns.js';
import { BrokenFile } from './sealed-parts.js';
import type { MovedTable } from './moved-tables.js';

/** How many rows are read or written at once, and about how many characters of them. */
const ROWS = 500;
const CHARACTERS = 1 << 20;

/** Opens and seals what is sealed. */
export type Opening = Pick<Sealing, 'open' | 'seal'>;

/** A row as it is sent: JSON, and what was sealed in it, opened, in base64. */
interface SentRow {
  readonly row: string;
  readonly opened: Readonly<Record<string, string>>;
}

/** The row of the zone itself: what triggers give it, and what is said of the move, is not sent. */
export const ZONE_ROW: MovedTable = { name: 'zones' };
const NOT_OF_ZONE = [
  'version',
  'settings_version',
  'away',
  // Which refer to what comes later.
  'active_policy_set_version_id',
  'shadow_policy_set_version_id',
];

/**
 * Reads the rows of a zone in a table, in lines as {@link RowWriter} takes them. What is sealed is opened.
 *
 * @param client in a transaction
 */
export async function* readRows(
  client: pg.Client,
  { name }: MovedTable,
  zoneId: string,
  sealing: Opening,
): AsyncGenerator<string> {
  const sealed = sealedIn(name);
  const without = [...(await generatedIn(client, name)), ...sealed.map(({ column }) => column)];
  if (name === ZONE_ROW.name) without.push(...NOT_OF_ZONE);
  const extra = sealed.map(({ column, id, only = 'true' }, at) =>
    [
      `, CASE WHEN ${only} THEN t.${column} END AS sealed_${at}`,
      `t.${id}::text AS id_${at}`,
    ].join(),
  );
  await client.query(
    `DECLARE moved NO SCROLL CURSOR FOR SELECT (to_jsonb(t) - $2::text[])::text AS row ${extra.join('')}
       FROM ${name} t WHERE t.${zoneColumnOf(name)} = $1`,
    [zoneId, without],
  );
  for (;;) {
    // oxlint-disable no-await-in-loop
    const { rows } = await client.query<{ row: string } & Record<string, unknown>>(
      `FETCH ${ROWS} FROM moved`,
    );
    for (const row of rows) {
      const opened = await openedIn(row, sealed, zoneId, sealing);
      yield `{"row":${row.row},"opened":${JSON.stringify(opened)}}`;
    }
    if (rows.length < ROWS) break;
    // oxlint-enable no-await-in-loop
  }
  await client.query('CLOSE moved');
}

async function openedIn(
  row: Readonly<Record<string, unknown>>,
  sealed: readonly SealedColumn[],
  zoneId: string,
  sealing: Opening,
): Promise<Record<string, string>> {
  const opened: Record<string, string> = {};
  for (const [at, { column, purpose }] of sealed.entries()) {
    const value = row[`sealed_${at}`];
    if (!Buffer.isBuffer(value)) continue;
    const context = { purpose, zoneId, id: String(row[`id_${at}`]) };
    // oxlint-disable-next-line no-await-in-loop -- a KMS is asked once at a time
    const plain = await sealing.open(context, value);
    opened[column] = plain.toString('base64');
    plain.fill(0);
  }
  return opened;
}

/** Writes rows of one table of a zone, as they were sent. What was opened is sealed for this installation. */
export class RowWriter {
  private rows: string[] = [];
  private characters = 0;
  private statement: string | null = null;
  private readonly sealed: readonly SealedColumn[];

  /** @param client in a transaction */
  constructor(
    private readonly client: pg.Client,
    private readonly table: MovedTable,
    private readonly zoneId: string,
    private readonly sealing: Opening,
  ) {
    this.sealed = sealedIn(table.name);
  }

  /** Takes away what triggers have made of rows that were written before: it is sent as well, if it was there. */
  async begin(): Promise<void> {
    if (this.table.known !== undefined) return;
    await this.client.query(
      `DELETE FROM ${this.table.name} WHERE ${zoneColumnOf(this.table.name)} = $1`,
      [this.zoneId],
    );
  }

  /** @param line as {@link readRows} has it @throws {BrokenFile} */
  async add(line: string): Promise<void> {
    const row = await this.sealedRow(line);
    this.rows.push(row);
    this.characters += row.length;
    if (this.rows.length >= ROWS || this.characters >= CHARACTERS) await this.flush();
  }

  /** Writes what is left. */
  async flush(): Promise<void> {
    if (this.rows.length === 0) return;
    this.statement ??= await this.insert();
    const { rows } = await this.client.query<{ many: number }>(this.statement, [
      `[${this.rows.join(',')}]`,
      this.zoneId,
    ]);
    if (rows[0]?.many !== this.rows.length) throw new BrokenFile('it has rows of another zone');
    this.rows = [];
    this.characters = 0;
  }

  private async sealedRow(line: string): Promise<string> {
    const sent = parseSent(line);
    const names = Object.keys(sent.opened);
    if (names.length === 0) return sent.row;
    const row: Record<string, unknown> = Object(JSON.parse(sent.row));
    const columns: string[] = [];
    for (const name of names) {
      const place = this.sealed.find(({ column }) => column === name);
      if (place === undefined) throw new BrokenFile('it has secrets where there are none');
      const plain = Buffer.from(sent.opened[name] ?? '', 'base64');
      const context = { purpose: place.purpose, zoneId: this.zoneId, id: String(row[place.id]) };
      // oxlint-disable-next-line no-await-in-loop -- a KMS is asked once at a time
      const sealed = await this.sealing.seal(context, plain);
      plain.fill(0);
      columns.push(`"${name}":"\\\\x${sealed.toString('hex')}"`);
    }
    return `{${columns.join(',')},${sent.row.slice(1)}`;
  }

  private async insert(): Promise<string> {
    const { name, known } = this.table;
    const [all, keys] = await columnsOf(this.client, name);
    const set = all.filter((column) => !keys.includes(column));
    const conflict = {
      stays: 'ON CONFLICT DO NOTHING',
      replaced: `ON CONFLICT (${keys.join()}) DO UPDATE SET ${set.map((one) => `${one} = EXCLUDED.${one}`).join()}`,
    };
    return `WITH given AS (
        SELECT ${all.join()} FROM jsonb_populate_recordset(NULL::${name}, $1::jsonb) WHERE ${zoneColumnOf(name)} = $2
      ), written AS (
        INSERT INTO ${name} (${all.join()}) OVERRIDING SYSTEM VALUE SELECT ${all.join()} FROM given ${known === undefined ? '' : conflict[known]}
      ) SELECT count(*)::int AS many FROM given`;
  }
}

/** The JSON of a row is passed on as it is: numbers in it may have more digits than ours. */
function parseSent(line: string): SentRow {
  const at = line.lastIndexOf(',"opened":{');
  if (!line.startsWith('{"row":{') || at < 0) throw new BrokenFile('it has a line that is no row');
  try {
    const opened: Record<string, string> = Object(JSON.parse(line.slice(at + 10, -1)));
    return { row: line.slice(7, at), opened };
  } catch (cause) {
    throw new BrokenFile('it has a line that is no row', { cause });
  }
}

function sealedIn(table: string): readonly SealedColumn[] {
  return SEALED_COLUMNS.filter((place) => place.table === table);
}

function zoneColumnOf(table: string): string {
  return table === ZONE_ROW.name ? 'id' : 'zone_id';
}

async function generatedIn(client: pg.Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(GENERATED, [table]);
  return rows.map(({ name }) => name);
}

/** All columns that can be written, and those of the primary key. */
async function columnsOf(client: pg.Client, table: string): Promise<[string[], string[]]> {
  const { rows } = await client.query<{ name: string; key: boolean }>(COLUMNS, [table]);
  const quoted = rows
    .filter(({ name }) => table !== ZONE_ROW.name || !NOT_OF_ZONE.includes(name))
    .map(({ name, key }) => ({ name: `"${name}"`, key }));
  return [quoted.map(({ name }) => name), quoted.filter(({ key }) => key).map(({ name }) => name)];
}

const GENERATED = `SELECT attname::text AS name FROM pg_attribute
  WHERE attrelid = to_regclass(quote_ident($1)) AND attnum > 0 AND NOT attisdropped AND attgenerated <> ''`;
const COLUMNS = `SELECT a.attname::text AS name, coalesce(a.attnum = ANY (i.indkey::int2[]), false) AS key
  FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
  WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  ORDER BY a.attnum`;
