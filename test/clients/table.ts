import { format, resolveConfig } from 'prettier';
import { CAPABILITIES } from './capabilities.js';
import { PAGE, type Client, type Program } from './programs.js';

/** What the runs of a client's programs have shown. */
export interface Row {
  readonly version: string;
  /** By the name of the capability: what stands in its cell. */
  readonly cells: Readonly<Record<string, string>>;
}

/** What one run has shown. */
export interface Shown {
  readonly program: Program;
  readonly version: string;
  readonly capabilities: ReadonlySet<string>;
}

const MARKED = /(<!-- clients, printed by test\/clients\/table.ts -->\n).*?(<!-- end -->)/s;

/** The rows of clients of which every program was run; of others it is not known what they can do. */
export function rowsOf(clients: readonly Client[], shown: readonly Shown[]): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const { name, programs } of clients) {
    const runs = shown.filter(({ program }) => program.client === name);
    const [first] = runs;
    if (first === undefined || runs.length < programs.length) continue;
    const cells = CAPABILITIES.flatMap((capability) => {
      const showing = runs.filter(({ capabilities }) => capabilities.has(capability.name));
      if (showing.length === 0) return [];
      const byItself = showing.some(({ program }) => !program.plain);
      return [[capability.name, byItself ? 'yes' : 'plain HTTP']];
    });
    rows.set(name, { version: first.version, cells: Object.fromEntries(cells) });
  }
  return rows;
}

/** The rows that are in docs/clients.md. */
export function rowsIn(page: string): Map<string, Row> {
  const [table = ''] = MARKED.exec(page) ?? [];
  const lines = table.split('\n').filter((line) => line.startsWith('|'));
  const [head = [], , ...rest] = lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
  const [, , ...names] = head;
  return new Map(
    rest.map(([client = '', version = '', ...cells]) => [
      client,
      { version, cells: Object.fromEntries(names.map((name, i) => [name, cells[i] ?? ''])) },
    ]),
  );
}

/**
 * The page with its table printed anew.
 *
 * @param rows what was run now; the rows of other clients stay as they are on the page
 * @throws if a client of the page that can be run has neither
 */
export async function printTable(
  page: string,
  clients: readonly Client[],
  rows: ReadonlyMap<string, Row>,
): Promise<string> {
  const before = rowsIn(page);
  const names = CAPABILITIES.map(({ name }) => name);
  const lines = clients.map(({ name, programs }) => {
    const row = programs.length === 0 ? NOT_RUN : (rows.get(name) ?? before.get(name));
    if (row === undefined) throw new Error(`${name} was never run`);
    return [name, row.version, ...names.map((capability) => row.cells[capability] ?? '')];
  });
  const table = [['client', 'version', ...names], ['', '', ...names].map(() => '---'), ...lines];
  const text = table.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const printed = page.replace(MARKED, (_all, start, end) => `${start}\n${text}\n\n${end}`);
  return format(printed, { ...(await resolveConfig(PAGE)), parser: 'markdown' });
}

const NOT_RUN: Row = { version: '_not run_', cells: {} };
