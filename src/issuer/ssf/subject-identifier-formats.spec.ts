import { expect, test } from 'vitest';
import { readSubject } from './subject-identifier-formats.js';

test.each([
  { format: 'iss_sub', iss: 'https://idp.example', sub: 'alice' },
  { format: 'opaque', id: 'x' },
  { format: 'email', email: 'a@example.com' },
  { format: 'complex', session: { format: 'opaque', id: 'x' } },
  {
    format: 'complex',
    user: { format: 'email', email: 'a@example.com' },
    tenant: { format: 'opaque', id: 'x' },
  },
])('takes %o', (subject) => {
  expect(readSubject(subject)).toEqual(subject);
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
  [{ format: 'complex' }, /no member/],
  [{ format: 'complex', users: { format: 'opaque', id: 'x' } }, /another name/],
  [{ format: 'complex', user: 'x' }, /in user: .*object/],
  [{ format: 'complex', user: { format: 'opaque' } }, /in user: .*no id/],
  [{ format: 'complex', user: { format: 'complex', user: {} } }, /in user: a complex subject/],
  [{ format: 'aliases', identifiers: [] }, /one name/],
])('refuses %o', (subject, why) => {
  expect(readSubject(subject)).toMatch(why);
});
