import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EnvFileUnreadable, readEnvFile } from './env-file.js';
import { InvalidEnvironment, readEnv } from './env.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mandate-env-file-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Reads a file into an environment. */
function read(text: string, environment: NodeJS.ProcessEnv = {}) {
  writeFileSync(join(directory, '.env'), text);
  return { file: readEnvFile(directory, environment), environment };
}

test('is not needed', () => {
  expect(readEnvFile(directory, {})).toBeNull();
  expect(readEnvFile(join(directory, 'nowhere'), {})).toBeNull();
});

test('gives what the environment does not have, and says what that was', () => {
  const { file, environment } = read(
    '# a comment\nPORT=9000\nexport LOG_LEVEL="debug" # loud\r\nDATA_DIR=\'a b\'\n\nEMPTY=\n',
    { PORT: '8000' },
  );
  expect(environment).toEqual({ PORT: '8000', LOG_LEVEL: 'debug', DATA_DIR: 'a b', EMPTY: '' });
  expect(file).toEqual({
    path: join(directory, '.env'),
    taken: ['DATA_DIR', 'EMPTY', 'LOG_LEVEL'],
  });
});

test.each<[string, NodeJS.ProcessEnv]>([
  ['ADMIN_TOKEN=of-the-file', { ADMIN_TOKEN: '' }],
  ['ADMIN_TOKEN=of-the-file', { ADMIN_TOKEN_FILE: '/run/token' }],
  ['ADMIN_TOKEN_FILE=/of/the/file', { ADMIN_TOKEN: 'x' }],
])('%s gives way to %j', (text, environment) => {
  const before = { ...environment };
  expect(read(text, environment)).toEqual({
    file: { path: join(directory, '.env'), taken: [] },
    environment: before,
  });
});

test('may begin with the mark of some editors', () => {
  expect(read('\uFEFFPORT=9000\n').environment).toEqual({ PORT: '9000' });
});

test('is named if it is there and cannot be read', () => {
  mkdirSync(join(directory, '.env'));
  expect(() => readEnvFile(directory, {})).toThrow(EnvFileUnreadable);
  expect(() => readEnvFile(directory, {})).toThrow(
    `${join(directory, '.env')} cannot be read (EISDIR)`,
  );
});

test('is named with what is wrong in it, and with the key that is from it', () => {
  const { file, environment } = read('PORT=x\n', { LOG_LEVEL: 'y' });
  const problems = (() => {
    try {
      readEnv(environment, { file });
    } catch (error) {
      if (error instanceof InvalidEnvironment) return error.problems;
    }
    return [];
  })();
  expect(problems).toEqual([
    expect.stringMatching(/^PORT must .* \(from .*\/\.env\)$/),
    expect.stringMatching(/^LOG_LEVEL must [^(]*$/),
  ]);
});

test('is told with the key-encryption key that is from it', () => {
  const originOf = (text: string, environment: NodeJS.ProcessEnv = {}): string => {
    const { file } = read(text, environment);
    return readEnv(environment, { file }).custody.keyOrigin;
  };
  const key = createHash('sha256').update('env-file.spec').digest('hex');
  const path = join(directory, 'key');
  writeFileSync(path, key);
  const from = ` (from ${join(directory, '.env')})`;
  expect(originOf(`KEY_ENCRYPTION_KEY=${key}\n`)).toBe(`KEY_ENCRYPTION_KEY${from}`);
  expect(originOf(`KEY_ENCRYPTION_KEY_FILE=${path}\n`)).toBe(
    `KEY_ENCRYPTION_KEY_FILE, ${path},${from}`,
  );
  expect(originOf('', { KEY_ENCRYPTION_KEY_FILE: path })).toBe(`KEY_ENCRYPTION_KEY_FILE, ${path},`);
  expect(originOf('', { KEY_ENCRYPTION_KEY: key })).toBe('KEY_ENCRYPTION_KEY');
});
