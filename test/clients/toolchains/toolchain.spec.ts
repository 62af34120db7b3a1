import { expect, test } from 'vitest';
import { runCommand } from '../command.js';
import { compile, fetchPackages, Unreachable } from './toolchain.js';

const node = (script: string) => ({ file: process.execPath, args: ['-e', script], cwd: '/' });

test('packages that cannot be fetched are unreachable, and what was said goes with it', async () => {
  const failing = node(
    'console.error("error: no route to https://me:secret@registry"); process.exit(2)',
  );
  await expect(fetchPackages([failing])).rejects.toThrow(/no route to https:\/\/registry$/);
  await expect(fetchPackages([node(''), node('process.exit(2)')])).rejects.toBeInstanceOf(
    Unreachable,
  );
  await fetchPackages([node(''), node('')]);
});

test('so are packages that do not come in time, which is one limit for all commands', async () => {
  const stuck = node('setInterval(() => {}, 1000)');
  const late = fetchPackages([stuck], 0.5);
  await expect(late).rejects.toThrow('took longer than 0.5 s');
  await expect(late).rejects.toBeInstanceOf(Unreachable);
  const slow = node('setTimeout(() => {}, 500)');
  const together = fetchPackages(
    Array.from({ length: 6 }, () => slow),
    2,
  );
  await expect(together).rejects.toThrow('took longer than 2 s');
});

test('a program that has ended at its limit is not waited for because another one holds its output', async () => {
  const child = `require('child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 4000)'], { detached: true, stdio: 'inherit' }); process.exit(0)`;
  expect(await runCommand(node(child), 1)).toMatchObject({ code: null });
});

test('a program that does not compile is a failure', async () => {
  const refused = compile(node('console.error("line 1"); process.exit(1)'));
  await expect(refused).rejects.toThrow(/line 1/);
  await expect(refused).rejects.not.toBeInstanceOf(Unreachable);
});
