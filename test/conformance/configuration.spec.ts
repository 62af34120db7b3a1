import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { isAnotherServer, readConfiguration, SERVER_VARIABLES } from './configuration.js';

const CI = fileURLToPath(new URL('../../.ci/run', import.meta.url));

test.each(['BASE', 'METADATA', 'TOKEN_ENDPOINT'])(
  'a server that %s alone names is the one that is tried, not that of this checkout',
  (name) => {
    const env = { [name]: 'https://sts.example', CLIENT_ID: 'web' };
    expect(readConfiguration(env)).toMatchObject({ [name.toLowerCase()]: 'https://sts.example' });
    expect(isAnotherServer(env)).toBe(true);
    expect(isAnotherServer({ ...env, [name]: '' })).toBe(false);
  },
);

test('.ci/run tries the server of this checkout, whatever the environment names', () => {
  const [, unset = ''] = /env ((?:-u \w+ )+)npm run conform/.exec(readFileSync(CI, 'utf8')) ?? [];
  expect(unset.split(/\s*-u /).map((name) => name.trim())).toEqual(['', ...SERVER_VARIABLES]);
});
