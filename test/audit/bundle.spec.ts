import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BundleScope } from '../../src/evidence/bundle/write-bundle.js';
import { formatVkey, noteSigner } from '../../src/transparency-log/note-key.js';
import { signNote } from '../../src/transparency-log/signed-note.js';
import { jsonLinesOf, runCli, type Run } from '../setup/cli.js';
import { createDatabase } from '../setup/harness.js';
import { bundleOf as bundleIn } from '../setup/sealed-bundle.js';
import { SealedLog, type Sealed } from '../setup/sealed-log.js';
import {
  appendEvent,
  recordEvents,
  SEAMLESS,
  tamper,
  TAMPERINGS,
  type Tampered,
} from '../setup/tampering.js';

let databaseUrl: string;
let client: pg.Client;
let log: SealedLog;
let folder: string;

beforeAll(async () => {
  databaseUrl = await createDatabase();
  client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  log = new SealedLog(client);
  await log.begin();
  folder = await mkdtemp(join(tmpdir(), 'mandate-bundle-'));
});

afterAll(async () => {
  await client?.end();
  await rm(folder, { recursive: true, force: true });
});

const ALL: BundleScope = { zoneSizes: [], sizes: [] };

async function newZone(): Promise<Tampered> {
  const of = { zone: uuidv7(), writers: [uuidv7(), uuidv7()] } as const;
  await recordEvents(client, of);
  return of;
}

const bundleOf = (zone: string, scope?: BundleScope) => bundleIn(client, zone, scope);

async function file(content: string | Buffer): Promise<string> {
  const path = join(folder, uuidv7());
  await writeFile(path, content);
  return path;
}

/** Verifies a bundle as somebody does who has nothing else. */
async function verify(
  bundle: string | Buffer,
  kept: readonly string[] = [],
  key = log.vkey,
): Promise<Run> {
  const args = ['audit', 'verify', '--bundle', await file(bundle), '--key', key];
  const files = await Promise.all(kept.map((one) => file(one)));
  return runCli([...args, ...files.flatMap((path) => ['--checkpoint', path])], {});
}

const kindsIn = ({ stdout }: Run) =>
  stdout.split('\n').flatMap((line) => /^(\w+): /.exec(line)?.[1] ?? []);

/** What somebody has kept: the zone's own, and that of all. */
const keptOf = ({ size, noteSize, body, note }: Sealed) => ({
  scope: { zoneSizes: [size], sizes: [noteSize] },
  files: [body, note],
});

describe('a bundle of a log that nobody has changed', () => {
  test('is right, whole and in parts, also packed, and with checkpoints of before', async () => {
    const of = await newZone();
    const now = Date.now();
    const first = await log.seal(of.zone, now);
    await log.seal((await newZone()).zone);
    for (let i = 0; i < 300; i += 1)
      await appendEvent(client, of.zone, of.writers[i % 2] ?? '', 'x');
    const second = await log.seal(of.zone, now + 300_000);
    const to = new Date().toISOString();
    await appendEvent(client, of.zone, of.writers[0], 'y');
    const third = await log.seal(of.zone, now + 600_000);
    const whole = await verify(await bundleOf(of.zone));
    expect([whole.code, whole.stderr]).toEqual([0, '']);
    expect(whole.stdout).toMatch(
      new RegExp(
        `^313 events of zone ${of.zone}, sealed until .* by 3 checkpoints: nothing is wrong\n$`,
      ),
    );
    const from = new Date(now + 100_000).toISOString();
    const part = await bundleOf(of.zone, { ...ALL, from });
    const parted = await verify(gzipSync(part));
    expect(parted.stdout).toMatch(/^301 events of .* by 3 checkpoints: nothing is wrong\n$/);
    const kept = [first, second, third].map(keptOf);
    const scope = {
      from,
      to,
      zoneSizes: kept.flatMap(({ scope: { zoneSizes } }) => zoneSizes),
      sizes: kept.flatMap(({ scope: { sizes } }) => sizes),
    };
    const held = await verify(
      await bundleOf(of.zone, scope),
      kept.flatMap(({ files }) => files),
    );
    expect([held.code, held.stdout]).toEqual([
      0,
      expect.stringMatching(/^300 events .* nothing is wrong\n$/),
    ]);
    // What was sealed late is not left out: the last event happened before this, too.
    const late = await bundleOf(of.zone, { ...scope, to: new Date(now + 150_000).toISOString() });
    expect((await verify(late)).stdout).toMatch(/^301 events .* nothing is wrong\n$/);
    // The same bundle without what proves that it has grown from these.
    const bare = await verify(part, kept[0]?.files);
    expect([bare.code, kindsIn(bare)]).toEqual([1, ['checkpoint']]);
    expect(bare.stdout).toContain('the bundle does not prove that it has grown from these');
  });
});

describe('somebody who may do everything in the database, before a bundle is made of it', () => {
  const all = [...TAMPERINGS, ...SEAMLESS];

  test.each(all.filter(({ notInBundles }) => notInBundles !== true))(
    '$name, and a checkpoint of before shows it',
    async ({ sql }) => {
      const of = await newZone();
      const { scope, files } = keptOf(await log.seal(of.zone));
      await tamper(databaseUrl, of, { sql });
      const { code, stdout } = await verify(await bundleOf(of.zone, scope), files);
      const faults = /^(changed|removed|added|reordered|checkpoint): /;
      expect([code, stdout]).toEqual([1, expect.stringMatching(faults)]);
    },
  );

  test('changes what a bundle has not, and the bundle is right', async () => {
    for (const { sql } of all.filter(({ notInBundles }) => notInBundles === true)) {
      const of = await newZone();
      const { scope, files } = keptOf(await log.seal(of.zone));
      await tamper(databaseUrl, of, { sql });
      const { code, stdout } = await verify(await bundleOf(of.zone, scope), files);
      expect([code, stdout]).toEqual([0, expect.stringContaining('12 events')]);
    }
  });

  test('seals anew what was written anew, and a checkpoint of before shows it', async () => {
    const of = await newZone();
    const before = await log.seal(of.zone);
    const { scope, files } = keptOf(before);
    await tamper(databaseUrl, of, {
      sql: ({ zone, writers }) => `
      UPDATE audit_events SET event_text = replace(event_text, 'r6', 'r9'), request_id = 'r9',
             hash = sha256(previous_hash || convert_to(replace(event_text, 'r6', 'r9'), 'UTF8'))
       WHERE zone_id = '${zone}' AND writer = '${writers[0]}' AND seq = 6;
      DELETE FROM zone_checkpoints WHERE zone_id = '${zone}';
      DELETE FROM evidence_runs WHERE zone_id = '${zone}';
      DELETE FROM evidence_heads WHERE zone_id = '${zone}'`,
    });
    log.forget(of.zone);
    await log.seal(of.zone);
    const bundle = await bundleOf(of.zone, scope);
    expect((await verify(bundle)).code).toBe(0);
    const { code, stdout } = await verify(bundle, files);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^checkpoint: .* has another root/)]);
    expect((await verify(bundle, [before.note])).code).toBe(0);
  });
});

test('audit bundle writes a new file, and no other', async () => {
  const of = await newZone();
  const env = { DATABASE_URL: databaseUrl };
  const path = join(folder, uuidv7());
  const args = ['audit', 'bundle', '--zone', of.zone, '-o', path];
  const none = await runCli(args, env);
  expect([none.code, none.stderr]).toEqual([5, expect.stringContaining('nothing of this zone')]);
  const { body, note } = await log.seal(of.zone);
  const kept = [await file(note), await file(body)].flatMap((one) => ['--checkpoint', one]);
  await log.seal((await newZone()).zone);
  const done = await runCli([...args, ...kept], env);
  expect([done.code, done.stdout]).toEqual([0, `${path}: 0.0 MiB\n`]);
  const verified = await runCli(
    ['audit', 'verify', '--bundle', path, '--key', log.vkey, ...kept, '--json'],
    {},
  );
  expect([verified.code, jsonLinesOf(verified)]).toMatchObject([0, [{ events: 12, faults: 0 }]]);
  expect((await runCli(args, env)).code).toBe(2);
});

describe('a bundle that was changed', () => {
  let whole: string;
  let other: string;

  beforeAll(async () => {
    const of = await newZone();
    await log.seal(of.zone);
    for (const writer of of.writers) await appendEvent(client, of.zone, writer, 'late');
    await log.seal(of.zone);
    whole = await bundleOf(of.zone);
    const another = await newZone();
    await log.seal(another.zone);
    other = await bundleOf(another.zone);
  });

  const linesOf = (text: string) => text.split('\n').slice(0, -1);
  const joined = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
  /** The lines with those of one kind replaced. */
  const withLines = (kind: string, change: (line: string, nth: number) => readonly string[]) => {
    let nth = 0;
    const made = linesOf(whole).flatMap((line) =>
      line.startsWith(`{"kind":"${kind}"`) ? change(line, (nth += 1)) : [line],
    );
    const end = JSON.stringify({ kind: 'end', lines: made.length - 1 });
    return joined(made.map((line) => (line.startsWith('{"kind":"end"') ? end : line)));
  };
  const events = () => linesOf(whole).filter((line) => line.startsWith('{"kind":"event"'));

  test.each<[string, () => string | Buffer, RegExp]>([
    [
      'a text',
      () => withLines('event', (line, n) => [n === 3 ? line.replace('done', 'none') : line]),
      /^changed: .*, seq 3, .*its hash is not that of its text\n14 events .*: 1 fault\n$/,
    ],
    [
      'without an event',
      () => withLines('event', (line, n) => (n === 3 ? [] : [line])),
      /^(removed|form): /,
    ],
    [
      'an event twice',
      () => withLines('event', (line, n) => (n === 3 ? [line, line] : [line])),
      /^(added|reordered|form|checkpoint): /,
    ],
    [
      'two events exchanged',
      () =>
        withLines('event', (line, n) => [
          (n === 2 ? events()[2] : n === 3 ? events()[1] : line) ?? '',
        ]),
      /^removed: .* seq 2: .*\nreordered: .* seq 2, /,
    ],
    [
      'an event of another zone',
      () =>
        withLines('event', (line, n) => [
          n === 3 ? (linesOf(other).find((one) => one.startsWith('{"kind":"event"')) ?? '') : line,
        ]),
      /added: .* it was recorded in zone /,
    ],
    [
      'the origin',
      () => whole.replace('"origin":"mandate', '"origin":"mandated'),
      /^checkpoint: .* is of another log/,
    ],
    [
      'the zone',
      () => whole.replace(/"zone":"[^"]+"/, `"zone":"${uuidv7()}"`),
      /^checkpoint: .*the log is not that of the zone: .*\nadded: /,
    ],
    [
      'names that are as long as an event',
      () =>
        withLines('event', (line, n) => [
          n === 3 ? line.replace(/(writer\\":\\")[0-9a-f]/, `$1${'x'.repeat(99)}`) : line,
        ]),
      /^changed: .*leaf 2: its text has no writer\n/,
    ],
    [
      'a text that is too deep to write',
      () =>
        withLines('event', (line, n) => [
          n === 3
            ? line.replace('{\\"', `{\\"client_id\\":${'['.repeat(1e5)}${']'.repeat(1e5)},\\"`)
            : line,
        ]),
      /^changed: .*its hash is not that of its text\n/,
    ],
    [
      'a checkpoint',
      () => withLines('checkpoint', (line) => [line.replace(/time 2\d{3}/, 'time 2001')]),
      /^checkpoint: .*is not in the signed one/,
    ],
    [
      'a proof',
      () =>
        withLines('checkpoint', (line) => [
          line.replace(/"proof":\["./, '"proof":["f').replace(/"leaf":\d+/, '"leaf":0'),
        ]),
      /^checkpoint: .*is not in the signed one/,
    ],
    [
      'without checkpoints',
      () => withLines('checkpoint', () => []),
      /^checkpoint: .*in no checkpoint/,
    ],
    [
      'the note',
      () => withLines('note', (line) => [line.replace('/audit\\n', '/audit\\n1')]),
      /^form: .*its signature by .* is wrong/,
    ],
    ['without a note', () => withLines('note', () => []), /^form: .*it comes before the note/],
    [
      'with hashes in the place of events',
      () =>
        withLines('event', () => [
          JSON.stringify({ kind: 'tree', level: 0, hash: '0'.repeat(64) }),
        ]),
      /^removed: .*leaves 0 to 11 are sealed/,
    ],
    ['cut off', () => whole.slice(0, -9), /^form: .*line \d+: it is cut off/],
    [
      'without its end',
      () => joined(linesOf(whole).slice(0, -1)),
      /^form: .*its last line is missing/,
    ],
    ['empty', () => '', /^form: .*its last line is missing/],
    ['something else', () => 'hello\n', /^form: .*line 1: it is not JSON/],
    ['bytes', () => Buffer.from([0xff, 0xfe, 0x0a]), /^form: .*line 1: it is not UTF-8/],
    ['NUL', () => '\0\n', /^form: .*line 1: it is not JSON/],
    ['a list', () => '[]\n', /^form: .*line 1: it is not a JSON object/],
    ['deep', () => `${'['.repeat(100_000)}\n`, /^form: .*line 1: it is JSON with too deep/],
    [
      'members twice',
      () => '{"kind":"bundle","kind":"end"}\n',
      /^form: .*line 1: it is JSON with duplicate member/,
    ],
    [
      'beyond numbers',
      () => whole.replace(/"end":\d+/, '"end":9007199254740993'),
      /^form: .*line 1: its end is not a number/,
    ],
    [
      'of a later version',
      () => whole.replace('"version":1', '"version":2'),
      /^form: .*it has version 2/,
    ],
    [
      'half a gzip file',
      () => gzipSync(whole).subarray(0, 200),
      /^form: .*it is not a whole gzip file/,
    ],
    [
      'gzip of something else',
      () => Buffer.concat([Buffer.of(0x1f, 0x8b), Buffer.from('hello')]),
      /^form: .*it is not a whole gzip file/,
    ],
  ])('%s', async (_name, made, says) => {
    const { code, stdout, stderr } = await verify(made());
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(says);
    expect(stdout).not.toMatch(/\n +at /);
  });

  test('is signed by another key', async () => {
    const stranger = formatVkey(noteSigner(log.log, randomBytes(32)).key);
    const { code, stdout } = await verify(whole, [], stranger);
    expect([code, stdout]).toEqual([1, expect.stringContaining('none of the keys has signed it')]);
  });

  test('is signed by a key of another log', async () => {
    const stranger = noteSigner('elsewhere.example/audit', randomBytes(32));
    const key = formatVkey(stranger.key);
    const text = /"note":"(.*?)\\n\\n/.exec(whole)?.[1] ?? '';
    const signed = signNote(`${text.replaceAll('\\n', '\n')}\n`, [stranger]);
    const forged = withLines('note', () => [JSON.stringify({ kind: 'note', note: signed })]);
    const { code, stdout } = await verify(forged, [], key);
    expect([code, stdout]).toEqual([1, expect.stringContaining('no key of mandate.example/audit')]);
    const kept = await verify(whole, [signed], key);
    expect([kept.code, kept.stderr]).toEqual([2, expect.stringContaining('no key of mandate')]);
  });

  test('one line without an end is not read to its end', async () => {
    const endless = gzipSync(Buffer.alloc(100 * 1024 * 1024, 'x'));
    const { code, stdout } = await verify(endless);
    expect([code, stdout]).toEqual([1, expect.stringContaining('line 1: it is longer than')]);
  });

  test.each<[string[], number, RegExp]>([
    [['--bundle', '/nowhere', '--key', 'x'], 2, /^this is no public key of a log: x/],
    [['--bundle', '/nowhere'], 2, /--bundle needs --key/],
  ])('%j', async (args, code, says) => {
    const run = await runCli(['audit', 'verify', ...args], {});
    expect([run.code, run.stdout]).toEqual([code, '']);
    expect(run.stderr).toMatch(says);
  });

  test('a file that is not there, and a checkpoint that is none', async () => {
    const none = await runCli(['audit', 'verify', '--bundle', '/nowhere', '--key', log.vkey], {});
    expect([none.code, none.stderr]).toEqual([
      3,
      expect.stringContaining('/nowhere cannot be read'),
    ]);
    const bad = await verify(whole, ['hello']);
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining('is not a checkpoint')]);
  });
});
