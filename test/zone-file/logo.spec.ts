import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../setup/free-port.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { newPng } from '../setup/png.js';
import { fileForTest, folderForTest, mandate } from '../setup/zone-file.js';

let replica: Replica;

// Where a logo is follows from ISSUER_URL, so that has to be where the server is.
beforeAll(async () => {
  const port = await freePort();
  const env = { PORT: String(port), ISSUER_URL: `http://127.0.0.1:${port}` };
  replica = await startReplica({ env });
});
afterAll(() => replica?.stop());

const zoneWith = (name: string, logo: string) =>
  `apiVersion: mandate/v1\nzone: { name: ${name}${logo} }\n`;

async function changesOf(name: string): Promise<number> {
  const events = await rows(
    replica.databaseUrl,
    `SELECT 1 FROM audit_events a JOIN zones z ON z.id = a.zone_id
      WHERE z.name = $1 AND event_text::jsonb->>'type' = 'admin.zone.changed'`,
    [name],
  );
  return events.length;
}

test('the logo of a zone comes from a file, is compared by what is in it, and goes to a file', async () => {
  const name = `logo ${randomUUID()}`;
  const folder = folderForTest();
  const picture = join(folder, 'logo.png');
  const [first, second] = [newPng(), newPng()];
  writeFileSync(picture, first);
  const file = fileForTest(zoneWith(name, ', logo: { file: logo.png }'), 'zone.yaml', folder);
  const done = { code: 0, stdout: `zone ${name}\nNothing to do.\n`, stderr: '' };
  expect(await mandate(replica, ['apply', '-f', file, '--yes'])).toMatchObject({ code: 0 });
  expect(await mandate(replica, ['apply', '-f', file, '--yes'])).toEqual(done);
  expect(await changesOf(name)).toBe(0);

  writeFileSync(picture, second);
  const planned = await mandate(replica, ['plan', '-f', file]);
  expect(planned.code).toBe(9);
  expect(planned.stdout).toMatch(/ {6}logo: "sha256-[\w-]{43}" → "sha256-[\w-]{43}"\n/);
  expect(await mandate(replica, ['apply', '-f', file, '--yes'])).toMatchObject({ code: 0 });
  expect(await changesOf(name)).toBe(1);

  const exported = join(folder, 'exported.yaml');
  const run = await mandate(replica, ['export', name, '-f', exported]);
  expect(run).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(readFileSync(exported, 'utf8')).toContain('  logo:\n    file: exported.png\n');
  expect(readFileSync(join(folder, 'exported.png'))).toEqual(second);
  expect(await mandate(replica, ['apply', '-f', exported, '--prune', '--yes'])).toEqual(done);
  // A picture that is there already is nobody's to overwrite, and without it there is no zone file either.
  writeFileSync(join(folder, 'again.png'), 'another');
  const again = await mandate(replica, ['export', name, '-f', join(folder, 'again.yaml')]);
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('is there already') });
  expect(existsSync(join(folder, 'again.yaml'))).toBe(false);
  // Nor is a picture left of an export that came to nothing.
  const half = ['export', name, `no ${name}`, '-f', join(folder, 'half.yaml')];
  expect(await mandate(replica, half)).toMatchObject({ code: 5 });
  expect(existsSync(join(folder, 'half.png'))).toBe(false);

  // To the standard output it does not go, and what does not say it leaves it alone.
  const shown = await mandate(replica, ['export', name]);
  expect(shown.stderr).toBe(
    `the logo of zone ${name} is left out: it goes to a file beside the one that -f names\n`,
  );
  expect(await mandate(replica, ['apply', '-f', fileForTest(shown.stdout), '--yes'])).toEqual(done);
  const removed = fileForTest(zoneWith(name, ', logo: null'));
  expect((await mandate(replica, ['plan', '-f', removed])).stdout).toMatch(
    /logo: "sha256-.*" → none/,
  );
  expect(await mandate(replica, ['apply', '-f', removed, '--yes'])).toMatchObject({ code: 0 });
  expect(await mandate(replica, ['apply', '-f', removed, '--yes'])).toEqual(done);
});

test('a file that is no logo is refused with its place, before anything is done', async () => {
  const folder = folderForTest();
  writeFileSync(join(folder, 'page.png'), '<svg/>');
  truncateSync(fileForTest('', 'large.png', folder), 8 * 1_024 ** 3);
  for (const [named, why] of [
    ['page.png', 'must be a PNG image'],
    ['none.png', 'cannot be read (ENOENT)'],
    ['large.png', 'must be at most 64 KiB'],
    ['../', 'is no file'],
  ] as const) {
    const text = zoneWith('never', `, logo: { file: ${named} }`);
    const column = (text.split('\n')[1] ?? '').indexOf(named) + 1;
    const file = fileForTest(text, 'zone.yaml', folder);
    // oxlint-disable-next-line no-await-in-loop
    expect(await mandate(replica, ['plan', '-f', file])).toMatchObject({
      code: 7,
      stderr: expect.stringContaining(`${file}:2:${column}: zone.logo.file: ${why}`),
    });
  }
});
