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
