import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EnvFileUnreadable, readEnvFile } from './env-file.js';
import { readEnv } from './read-env.js';
import { InvalidEnvironment } from './environment-problems.js';
import { describeEnvFile } from './environment.js';

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

test.each([
  ['DATABASE_URL postgres://u:canary@h/d\nPORT=9000', 1, 'is not like NAME=value: correct it'],
  ['PORT=9000\n\nDATABASE_URL: canary\nLOG_LEVEL=debug', 3, 'is not like NAME=value: correct it'],
  ['# a key\n=canary\nPORT=9000', 2, 'is not like NAME=value: correct it'],
  ['\uFFFD\uFFFDP\0O\0R\0T\0=\x009\0', 1, 'is not like NAME=value: correct it'],
  ['A="1\n2"\ncanary', 3, 'is not like NAME=value: correct it'],
  ["A='1\ncanary\nB=2", 2, 'is not like NAME=value: correct it'],
  ['ADMIN_TOKEN=abcdefghijklmnop#canary', 1, 'has a # within its value: '],
])('%j is refused by the number of the line', (text, line, why) => {
  expect(() => read(text)).toThrow(EnvFileUnreadable);
  expect(() => read(text)).toThrow(`${join(directory, '.env')}, line ${line}, ${why}`);
  expect(() => read(text)).not.toThrow('canary');
});

test('may have comments, quotes, lines in values and empty ones, whatever comes after them', () => {
  const text =
    'A="x#y" # c\nB= \nC=\t\r\nD=\'1\n=x\nno line\'\n # c=#\nE=it\'s # "c"#\nexport F=`"`\nG="open\nH=#c\nJ= # c\nI==';
  expect(read(text).environment).toEqual({
    A: 'x#y',
    B: '',
    C: '',
    D: '1\n=x\nno line',
    E: "it's",
    F: '"',
    G: '"open',
    H: '',
    I: '=',
    J: '',
  });
});

test('gives the file of the token for Vault, also where there is a token for its programs', () => {
  const { environment } = read('VAULT_TOKEN_FILE=/run/token', { VAULT_TOKEN: 'x' });
  expect(environment).toEqual({ VAULT_TOKEN: 'x', VAULT_TOKEN_FILE: '/run/token' });
});

test('is told of by names that cannot be a part of a secret', () => {
  const { file } = read('PORT=1\nADMIN_TOKEN=c2VjcmV0IG9mIHR3byBsaW5l\ncyBpcyBvbmUgc2VjcmV0==\n');
  expect(describeEnvFile(file)).toBe(
    `read ${join(directory, '.env')}: ADMIN_TOKEN, PORT, 1 of other names`,
  );
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
