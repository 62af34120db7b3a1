import { expect, test } from 'vitest';
import { runProgram } from './program.js';

/** Runs a command line whose output fails to be written. */
function run(argv: readonly string[], code: string): Promise<number> {
  const never = () => {
    throw new Error('nothing is asked');
  };
  const gone = Object.assign(new Error('write'), { code });
  const terminal = { width: null, color: false, attended: false, say: never, ask: never };
  return runProgram(argv, {
    terminal: { ...terminal, print: () => Promise.reject(gone), read: never },
    settings: never,
    direct: never,
  });
}

test('help that is read to its first lines only is no failure; help that cannot be written is', async () => {
  expect(await run(['--help'], 'EPIPE')).toBe(0);
  expect(await run(['zones', '--help'], 'EPIPE')).toBe(0);
  await expect(run(['--help'], 'ENOSPC')).rejects.toThrow('write');
});
