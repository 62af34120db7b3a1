import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NoteSigner } from '../../src/transparency-log/note-key.js';
import { createDatabase } from '../setup/harness.js';
import { receiptsOf } from '../setup/sealed-receipts.js';
import { bundleOf } from '../setup/sealed-bundle.js';
import { SealedLog, type Sealed } from '../setup/sealed-log.js';
import { appendEvent, recordEvents } from '../setup/tampering.js';
import { describeWith, PYTHON } from './tools.js';

const RECEIPT = fileURLToPath(new URL('../../examples/verify-audit/receipt.py', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../examples/verify-audit/verify.py', import.meta.url));

describeWith([PYTHON], 'verify.py, which knows docs/evidence.md alone', () => {
  let client: pg.Client;
  let folder: string;
  let vkey: string;
  let signer: NoteSigner;
  let zone: string;
  let first: Sealed;
  let whole: string;

  beforeAll(async () => {
    client = new pg.Client({ connectionString: await createDatabase() });
    await client.connect();
    folder = await mkdtemp(join(tmpdir(), 'mandate-verify-'));
    const log = new SealedLog(client);
    await log.begin();
    ({ vkey, signer } = log);
    const of = { zone: uuidv7(), writers: [uuidv7(), uuidv7()] } as const;
    const other = { zone: uuidv7(), writers: [uuidv7(), uuidv7()] } as const;
    ({ zone } = of);
    await recordEvents(client, of);
    first = await log.seal(of.zone);
    await recordEvents(client, other);
    await log.seal(other.zone);
    for (let i = 0; i < 300; i += 1)
      await appendEvent(client, of.zone, of.writers[i % 2] ?? '', 'x');
    await log.seal(of.zone);
    whole = await bundleOf(client, of.zone, { zoneSizes: [first.size], sizes: [first.noteSize] });
  });

  afterAll(async () => {
    await client?.end();
    await rm(folder, { recursive: true, force: true });
  });

  async function verify(bundle: string | Buffer, kept: readonly string[] = []) {
    const paths = [bundle, ...kept].map((content) => ({ content, path: join(folder, uuidv7()) }));
    for (const { path, content } of paths) await writeFile(path, content);
    const [file = '', ...files] = paths.map(({ path }) => path);
    const { status, stdout, stderr } = spawnSync(
      PYTHON.path ?? '',
      // Without it what is imported is left there compiled.
      ['-B', PROGRAM, file, vkey, ...files],
      { encoding: 'utf8' },
    );
    return { status, stdout, stderr };
  }

  test('finds nothing in a bundle that is right', async () => {
    const right = { status: 0, stdout: '312 events: nothing is wrong\n', stderr: '' };
    expect(await verify(whole, [first.body, first.note])).toEqual(right);
    expect(await verify(gzipSync(whole), [JSON.stringify(first)])).toEqual(right);
  });

  test('receipt.py verifies receipts, and finds what was changed', async () => {
    const read = await receiptsOf(client, signer, zone);
    const run = async (set: object) => {
      const path = join(folder, uuidv7());
      await writeFile(path, JSON.stringify(set));
      // Without it what is imported is left there compiled.
      const args = ['-B', RECEIPT, path, vkey];
      return spawnSync(PYTHON.path ?? '', args, { encoding: 'utf8' });
    };
    const right = await run(read);
    expect([right.status, right.stderr]).toEqual([0, '']);
    expect(JSON.parse(right.stdout)).toMatchObject({ type: 'change', zone_id: zone });
    const [one] = read.receipts;
    const bytes = Buffer.from(one?.receipt ?? '', 'base64');
    // A bit here and there.
    for (let at = 3; at < bytes.length; at += Math.ceil(bytes.length / 6)) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      // oxlint-disable-next-line no-await-in-loop
      const wrong = await run({
        ...read,
        receipts: [{ ...one, receipt: changed.toString('base64') }],
      });
      expect([at, wrong.status, wrong.stderr]).toEqual([at, 1, '']);
      expect(wrong.stdout).toMatch(/^wrong: /);
    }
    for (const wrong of [{ ...read, zone_id: uuidv7() }, { ...read, receipts: [] }, []]) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await run(wrong)).status).toBe(1);
    }
  });

  const lines = () => whole.split('\n');
  /** With a line more in front of the last one. */
  const more = (line = '') =>
    lines()
      .toSpliced(-2, 1, line, JSON.stringify({ kind: 'end', lines: lines().length - 1 }))
      .join('\n');
  const without = (place: number) => lines().toSpliced(place, 1).join('\n');

  test.each<[string, () => string | Buffer, RegExp]>([
    [
      'a text',
      () => whole.replace('request_id\\":\\"r3', 'request_id\\":\\"r9'),
      /^changed: .*, seq 3, .*its hash is not that of its text\n312 events: 1 faults\n$/,
    ],
    ['without an event', () => without(7), /^removed: /],
    [
      'two events exchanged',
      () =>
        lines()
          .with(5, lines()[6] ?? '')
          .with(6, lines()[5] ?? '')
          .join('\n'),
      /^removed: /,
    ],
    [
      'the zone',
      () => whole.replace(/"zone":"[^"]+"/, `"zone":"${uuidv7()}"`),
      /^checkpoint: .*\nadded: /,
    ],
    [
      'an event behind the last checkpoint',
      () => more(lines().findLast((line) => line.startsWith('{"kind":"event"'))),
      /^form: .*beside the events/,
    ],
    [
      'another note',
      () => more(lines().find((line) => line.startsWith('{"kind":"note"'))),
      /^form: .*one note/,
    ],
    ['a number of lines', () => whole.replace(/"lines":\d+/, '"lines":3'), /^form: .*lines/],
    ['no numbers', () => whole.replace(/"end":\d+/, '"end":NaN'), /^form: /],
    ['a checkpoint', () => whole.replace(/time 2\d{3}/, 'time 2001'), /is not in the signed one/],
    ['the note', () => whole.replace('/audit\\n', '/audit\\n1'), /^form: .*not signed by this key/],
    [
      'without its end',
      () =>
        lines()
          .slice(0, -2)
          .map((line) => `${line}\n`)
          .join(''),
      /^form: it is cut off/,
    ],
    ['cut off', () => whole.slice(0, -9), /^form: .*cut off/],
    ['half of gzip', () => gzipSync(whole).subarray(0, 500), /^form: /],
    ['a list', () => '[]\n', /^form: /],
    ['a kind that there is not', () => more('{"kind":"other"}'), /^form: .*of no kind/],
    [
      'what a server says of a bundle that broke off',
      () => `${lines().slice(0, 9).join('\n')}\n{"incomplete":true,"error":"x"}\n`,
      /^form: /,
    ],
    ['deep', () => `${'['.repeat(100_000)}\n`, /^form: /],
    ['a member twice', () => '{"kind":"bundle","kind":"end"}\n', /^form: .*twice/],
    ['one line without an end', () => Buffer.alloc(40 * 1024 * 1024, 'x'), /^form: .*too long/],
  ])('finds what was changed: %s', async (_name, made, says) => {
    const { status, stdout, stderr } = await verify(made());
    expect([status, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(says);
  });

  test('finds that the log is not what somebody has kept of it', async () => {
    const root = /\n[A-Za-z0-9+/]{43}=\n/;
    const other = first.body.replace(root, `\n${Buffer.alloc(32).toString('base64')}\n`);
    const { status, stdout } = await verify(whole, [other]);
    expect([status, stdout]).toEqual([1, expect.stringContaining('has another root')]);
  });
});
