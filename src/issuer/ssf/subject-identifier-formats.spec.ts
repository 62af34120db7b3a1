import { expect, test } from 'vitest';
import { readSimpleSubject } from './subject-identifier-formats.js';

test.each([
  { format: 'iss_sub', iss: 'https://idp.example', sub: 'alice' },
  { format: 'opaque', id: 'x' },
  { format: 'email', email: 'a@example.com' },
])('takes %o', (subject) => {
  expect(readSimpleSubject(subject)).toEqual(subject);
});

test.each([
  [undefined, /object/],
  ['alice', /object/],
  [{}, /format/],
  [{ format: 'iss_sub', iss: 'https://idp.example' }, /no sub/],
  [{ format: 'iss_sub', iss: 'https://idp.example', sub: '' }, /no sub/],
  [{ format: 'iss_sub', iss: 'https://idp.example', sub: 1 }, /no sub/],
  [{ format: 'opaque', id: 'x', more: 'y' }, /of no use/],
  [{ format: 'constructor' }, /unknown/],
  [{ format: 'complex', user: { format: 'opaque', id: 'x' } }, /complex/],
])('refuses %o', (subject, why) => {
  expect(readSimpleSubject(subject)).toMatch(why);
});
