import { describe, expect, test } from 'vitest';
import { captured } from '../captured.fixture.js';
import { SHELLS } from './scripts.js';
import { splitLine } from './words.js';

const SETTINGS = { url: 'https://m.example', token: 'token', zone: 'prod' };
const ZONE = '0192f0c1-0000-7000-8000-00000000000a';

/** What is proposed for a line, with the meanings left out; names are those of a server that has these. */
async function proposed(line: string, failure?: Error) {
  const asked: string[] = [];
  const answer = (url: URL) => {
    asked.push(url.pathname);
    if (failure !== undefined) throw failure;
    const names: readonly object[] = url.pathname.endsWith('/zones')
      ? [{ id: ZONE, name: 'prod' }]
      : [{ name: 'billing' }, { name: 'big client' }, { name: 'other' }];
    return Response.json({ items: names });
  };
  const { code, out, err } = await captured(['complete', line], {
    settings: SETTINGS,
    surroundings: {
      fetch: (input) => Promise.resolve().then(() => answer(new URL(String(input)))),
    },
  });
  expect([code, err]).toEqual([0, '']);
  const words = out
    .split('\n')
    .filter((each) => each !== '')
    .map((each) => each.split('\t')[0]);
  return { words, asked };
}

describe('what may come next', () => {
  test.each([
    ['mandate zo', ['zones']],
    ['mandate policy-sets sh', ['show', 'shadow']],
    ['mandate policy-sets shadow ', ['show', 'try', 'stop']],
    ['mandate keys ro', ['rotate']],
    ['mandate resources create x --acc', ['--access']],
    ['mandate resources create x --access ', ['direct', 'gateway']],
    ['mandate resources create x --access=g', ['--access=gateway']],
    ['mandate completion ', [...SHELLS]],
    ['mandate zones list nothing ', []],
    ['mandate nonsense ', []],
  ])('of %j', async (line, words) => {
    const { words: found, asked } = await proposed(line);
    expect(found).toEqual(words);
    expect(asked).toEqual([]);
  });

  test('is a name, which the server is asked for', async () => {
    const { words, asked } = await proposed('mandate clients show bi');
    expect(words).toEqual(['billing', 'big client']);
    expect(asked).toEqual(['/internal/zones', `/internal/zones/${ZONE}/clients`]);
    expect((await proposed('mandate clients show "big c')).words).toEqual(['big client']);
    expect((await proposed('mandate clients list --zone ')).words).toEqual(['prod']);
    expect((await proposed('mandate resources create x --owner b')).words).toHaveLength(2);
    expect((await proposed('mandate clients show x ')).words).toEqual([]);
  });

  test('is nothing where the server does not answer', async () => {
    const { words, asked } = await proposed('mandate clients show ', new Error('away'));
    expect([words, asked]).toEqual([[], ['/internal/zones']]);
  });
});

test.each([
  ['mandate zones ', ['mandate', 'zones'], ''],
  ['mandate zones li', ['mandate', 'zones'], 'li'],
  ['mandate "my zone" \'it is', ['mandate', 'my zone'], 'it is'],
  ['mandate my\\ zone ""', ['mandate', 'my zone'], ''],
])('a line is split as a shell does: %s', (line, before, current) => {
  expect(splitLine(line)).toEqual({ before, current });
});
