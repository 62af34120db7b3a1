import { expect, test } from 'vitest';
import { captured } from './captured.fixture.js';
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

test.each([
  [['operators', 'own-keys'], 'The keys of whoever asks'],
  [['operators', 'admin-token'], 'Whether ADMIN_TOKEN lets anybody in'],
  [['policies', 'schema'], 'What a zone adds to the schema'],
  [['policy-sets', 'shadow'], 'A version that is tried'],
  [['clients', 'secrets'], 'The secrets of a client.'],
])('help of %j says what it is about', async (words, what) => {
  expect((await captured([...words, '--help'])).out).toContain(what);
});

test('who has not said which zone is told how all of them are looked at, where that can be', async () => {
  const settings = { url: 'http://mandate.example', token: 'a-token-that-is-long' };
  const fetch = () =>
    Promise.resolve(Response.json({ items: [{ name: 'shop' }], next: null }, { status: 200 }));
  const ask = (...words: string[]) => captured(words, { settings, surroundings: { fetch } });
  const all = 'such as "shop"; --all-zones is all of them';
  expect(await ask('audit', 'list')).toMatchObject({ code: 2, err: expect.stringContaining(all) });
  expect((await ask('clients', 'list')).err).toContain(all);
  expect((await ask('scopes', 'list')).err).toContain('such as "shop"\n');
});
