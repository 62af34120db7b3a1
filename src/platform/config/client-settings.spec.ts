import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { readClientSettings, wantsNoColor } from './client-settings.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mandate-client-'));
  onTestFinished(() => rm(directory, { recursive: true }));
});

const read = (environment: Record<string, string> = {}) =>
  readClientSettings(directory, { DATA_DIR: directory, ...environment });

describe('what the command line takes from its environment', () => {
  test('is what variables, files that they name and .env say, the first before the others', async () => {
    await writeFile(join(directory, '.env'), 'MANDATE_ZONE=of-file\nMANDATE_URL=http://of.file\n');
    await writeFile(join(directory, 'token'), 'from a file\n');
    const token = join(directory, 'token');
    expect(read({ MANDATE_URL: 'http://x', MANDATE_TOKEN_FILE: token })).toEqual({
      url: 'http://x',
      token: 'from a file',
      zone: 'of-file',
      here: null,
    });
    expect(read({ MANDATE_TOKEN: 'said', MANDATE_TOKEN_FILE: token })).toMatchObject({
      token: 'said',
    });
    expect(() => read({ MANDATE_TOKEN_FILE: join(directory, 'no') })).toThrow('MANDATE_TOKEN_FILE');
  });

  test('is where the embedded server listens for operators, and its token', async () => {
    await writeFile(join(directory, 'url'), 'http://localhost:8080\n');
    await writeFile(join(directory, 'admin-token'), 'made');
    const url = join(directory, 'url');
    expect(read().here).toEqual({ url: 'http://localhost:8080', from: url, token: 'made' });
    await writeFile(join(directory, 'internal-url'), 'http://localhost:8081\n');
    expect(read({ ADMIN_TOKEN: 'given next' }).here).toMatchObject({
      url: 'http://localhost:8081',
      token: 'given',
    });
  });

  test('is where a server with a database of its own listens for operators', () => {
    const env = { DATABASE_URL: 'postgres://x', ADMIN_TOKEN: 't' };
    const at = (ports: Record<string, string>) => read({ ...env, ...ports }).here;
    expect(at({})).toEqual({ url: 'http://localhost:8080', from: 'PORT', token: 't' });
    expect(at({ PORT: '80' })).toMatchObject({ url: 'http://localhost:80' });
    expect(at({ PORT: '80', INTERNAL_PORT: '81' })).toMatchObject({
      url: 'http://localhost:81',
      from: 'INTERNAL_PORT',
    });
  });
});

test('no colour is wanted where that is said', () => {
  expect(wantsNoColor({})).toBe(false);
  expect(wantsNoColor({ NO_COLOR: '' })).toBe(false);
  expect(wantsNoColor({ NO_COLOR: '1' })).toBe(true);
  expect(wantsNoColor({ TERM: 'dumb' })).toBe(true);
});
