import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import pg from 'pg';
import { expect, test } from 'vitest';
import { isDatabaseAway } from './database-error.js';

test('a server that takes connections and says nothing is away', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const options = { host: '127.0.0.1', port, user: 'u', connectionTimeoutMillis: 20 };
  const client = new pg.Client(options);
  client.on('error', () => {});
  const pool = new pg.Pool(options);
  const failures = await Promise.allSettled([client.connect(), pool.query('SELECT 1')]);
  expect(failures.map((one) => one.status === 'rejected' && isDatabaseAway(one.reason))).toEqual([
    true,
    true,
  ]);
  await pool.end();
  server.close();
});

test('a query that is wrong says nothing of the server', () => {
  expect(isDatabaseAway(Object.assign(new Error('no such column'), { code: '42703' }))).toBe(false);
  expect(isDatabaseAway(new TypeError('timeout expired somewhere else'))).toBe(false);
});
