import { expect, test } from 'vitest';
import { CAPABILITIES } from './capabilities.js';
import { readClients } from './programs.js';
import { printTable, rowsIn, rowsOf, type Row } from './table.js';

const PAGE = `# Clients

<!-- clients, printed by test/clients/table.ts -->
<!-- end -->

## What is no client

\`\`\`json
{}
\`\`\`

## one

\`\`\`yaml settings.yml
a: 1
\`\`\`

\`\`\`js exchange
first();
\`\`\`

\`\`\`js key plain
second();
\`\`\`

## two 6 and 7

\`\`\`sh session renew
third
\`\`\`

## three

\`\`\`yaml not-run
b: 2
\`\`\`
`;

const clients = readClients(PAGE);
const exchange = 'token exchange';
const key = '`private_key_jwt`';

/** The runs of all programs of these clients. */
const runsOf = (...names: readonly string[]) =>
  clients
    .filter(({ name }) => names.includes(name))
    .flatMap(({ programs }) => programs)
    .map((program) => ({
      program,
      version: '1.2.3',
      capabilities: new Set(program.plain ? [exchange, key] : [exchange]),
    }));

const cellsIn = (page: string, client: string): Row['cells'] => {
  const cells = Object.entries(rowsIn(page).get(client)?.cells ?? {});
  return Object.fromEntries(cells.filter(([, cell]) => cell !== ''));
};

test('reads the programs of a page, with what lies beside them', () => {
  expect(clients.map(({ name, programs }) => [name, programs.map(({ slug }) => slug)])).toEqual([
    ['one', ['one-exchange', 'one-key']],
    ['two 6', ['two-6-session-renew']],
    ['two 7', ['two-7-session-renew']],
    ['three', []],
  ]);
  expect(clients[0]?.programs[1]).toMatchObject({
    text: 'second();\n',
    tasks: ['key'],
    plain: true,
    files: { 'settings.yml': 'a: 1\n' },
  });
});

test.each(['```js exchnage', '```cobol exchange', '```js exchange not-run', '```js plain'])(
  'refuses a block that says "%s"',
  (fence) => {
    expect(() => readClients(PAGE.replace('```js exchange', fence))).toThrow(/^one: /);
  },
);

test('prints a row for each client, and a column for each capability', async () => {
  const page = await printTable(PAGE, clients, rowsOf(clients, runsOf('one', 'two 6', 'two 7')));
  expect([...rowsIn(page).keys()]).toEqual(['one', 'two 6', 'two 7', 'three']);
  expect(Object.keys(rowsIn(page).get('three')?.cells ?? {})).toEqual(
    CAPABILITIES.map(({ name }) => name),
  );
  expect(rowsIn(page).get('one')?.version).toBe('1.2.3');
  expect(cellsIn(page, 'one')).toEqual({ [exchange]: 'yes', [key]: 'plain HTTP' });
  expect(rowsIn(page).get('three')?.version).toBe('_not run_');
  expect(cellsIn(page, 'three')).toEqual({});
  expect(await printTable(page, clients, new Map())).toBe(page);
});

test('a client of which not all was run keeps its row', async () => {
  const all = await printTable(PAGE, clients, rowsOf(clients, runsOf('one', 'two 6', 'two 7')));
  const some = rowsOf(clients, runsOf('one').slice(0, 1));
  expect([...some.keys()]).toEqual([]);
  expect(await printTable(all, clients, some)).toBe(all);
});

test('a client that was never run has no row', async () => {
  await expect(printTable(PAGE, clients, rowsOf(clients, runsOf('one')))).rejects.toThrow(
    'two 6 was never run',
  );
});
