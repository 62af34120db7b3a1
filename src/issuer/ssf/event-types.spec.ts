import { expect, test } from 'vitest';
import { deliveredOf, EVENT_TYPES, SESSION_REVOKED } from './event-types.js';

test('delivers what is both supported and requested, and all where nothing was said', () => {
  expect(deliveredOf(null)).toEqual(EVENT_TYPES);
  expect(deliveredOf(['urn:unknown', SESSION_REVOKED])).toEqual([SESSION_REVOKED]);
  expect(deliveredOf([])).toEqual([]);
});
