import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { ImpatientPool } from './impatient-pool.js';

/** One message of the PostgreSQL protocol: its letter, its length, its text. */
function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}

const AUTHENTICATED = message('R', Buffer.alloc(4));
const READY = message('Z', Buffer.from('I'));
const TERMINATED = message(
  'E',
  Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'),
);

test('a connection that is ended in the packet that says it is ready fails its user, not the process', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.concat([AUTHENTICATED, READY, TERMINATED])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const pool = new ImpatientPool({ host: '127.0.0.1', port, user: 'somebody', database: 'any' });
  const client = await pool.connect();
  await expect(client.query('SELECT 1')).rejects.toThrow(/terminat|not queryable/);
  client.release();
  expect(pool.totalCount).toBe(0);
  await pool.end();
  server.close();
});

/** A server that says to each connection that it is ready, and nothing else. */
async function silentServer() {
  let made = 0;
  const server = createServer((socket) => {
    made += 1;
    socket.on('error', () => {});
    socket.once('data', () => socket.write(Buffer.concat([AUTHENTICATED, READY])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const pool = new ImpatientPool({
    host: '127.0.0.1',
    port,
    user: 'somebody',
    database: 'any',
    max: 3,
  });
  return { pool, made: () => made, close: () => pool.end().then(() => server.close()) };
}

test('users one after the other share a connection, also those who come before it is back', async () => {
  const { pool, made, close } = await silentServer();
  const first = await pool.connect();
  const others = Array.from({ length: 20 }, async () => (await pool.connect()).release());
  first.release();
  await Promise.all(others);
  expect(made()).toBe(1);
  await close();
});

test('another is made where none comes back, and no more than there may be', async () => {
  const { pool, made, close } = await silentServer();
  const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
  expect(made()).toBe(3);
  const late = pool.connect();
  clients[0]?.release();
  expect(await late).toBe(clients[0]);
  for (const client of clients) client.release();
  expect(made()).toBe(3);
  await close();
});

test('who waits for one that is broken gets another', async () => {
  const { pool, made, close } = await silentServer();
  const first = await pool.connect();
  const second = pool.connect();
  first.release(true);
  expect(await second).not.toBe(first);
  expect(made()).toBe(2);
  (await second).release();
  await close();
});
