import { expect, test } from 'vitest';
import { compile, fetchPackages, Unreachable } from './toolchain.js';

const node = (script: string) => ({ file: process.execPath, args: ['-e', script], cwd: '/' });

test('packages that cannot be fetched are unreachable, and what was said goes with it', async () => {
  await expect(fetchPackages(node('console.error("no route"); process.exit(2)'))).rejects.toThrow(
    /no route/,
  );
  await expect(fetchPackages(node('process.exit(2)'))).rejects.toBeInstanceOf(Unreachable);
  await fetchPackages(node(''));
});

test('so are packages that do not come in time', async () => {
  const stuck = fetchPackages(node('setInterval(() => {}, 1000)'), 0.5);
  await expect(stuck).rejects.toThrow('took longer than 0.5 s');
  await expect(stuck).rejects.toBeInstanceOf(Unreachable);
});

test('a program that does not compile is a failure', async () => {
  const refused = compile(node('console.error("line 1"); process.exit(1)'));
  await expect(refused).rejects.toThrow(/line 1/);
  await expect(refused).rejects.not.toBeInstanceOf(Unreachable);
});
