import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { requestIdOf } from './request-id.js';

const newRequest = () => ({ headers: {} }) as IncomingMessage;

test('each request has an id of its own, and the same on every call', () => {
  // More than random bytes are drawn for at once.
  const requests = Array.from({ length: 1_000 }, newRequest);
  const ids = requests.map((request) => requestIdOf(request).request_id);
  expect(new Set(ids).size).toBe(1_000);
  // What is random of an id is not that of another (RFC 9562 5.7).
  expect(new Set(ids.map((id) => id.slice(20))).size).toBe(1_000);
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
  expect(requests.map((request) => requestIdOf(request).request_id)).toEqual(ids);
});
