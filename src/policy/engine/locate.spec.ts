import { expect, test } from 'vitest';
import { input } from '../policy.fixture.js';
import { locate } from './locate.js';

const TEXT = `// Émile's
@id("all")
permit (principal, action, resource);

@id("other")
permit (principal == Application::"somebody-else", action, resource);
@id("no") forbid (principal, action, resource)
when { context.challenge_resolved };`;

const modules = [
  { id: 'main', content: TEXT },
  { id: 'single', content: '\n  permit (principal, action, resource is Resource);' },
];

test('tells where policies stand that are named', () => {
  const { named } = locate({ modules, names: ['no', 'single', 'gone'], input: input() });
  expect(named).toEqual([
    {
      policy: 'no',
      module: 'main',
      effect: 'forbid',
      line: 7,
      column: 1,
      last_line: 8,
      text: '@id("no") forbid (principal, action, resource)\nwhen { context.challenge_resolved };',
    },
    expect.objectContaining({
      policy: 'single',
      module: 'single',
      line: 2,
      column: 3,
      last_line: 2,
    }),
  ]);
});

test('permits are those whose head matches what was asked, at most five of them', () => {
  const asked = locate({ modules, names: [], input: input() });
  expect(asked.permits.map(({ policy }) => policy)).toEqual(['all', 'single']);
  expect(asked.permits_in_all).toBe(2);
  const many = Array.from({ length: 8 }, (_, n) => ({
    id: `m${n}`,
    content: 'permit (principal, action, resource);',
  }));
  const found = locate({ modules: many, names: [], input: input() });
  expect([found.permits.length, found.permits_in_all]).toEqual([5, 8]);
});
