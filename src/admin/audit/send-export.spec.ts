import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { sendExport } from './send-export.js';

const PARTS = 30;

/** A part with one large event, which does not fit what is sent at once. */
const part = (n: number) => ({
  items: [
    {
      id: String(n),
      zoneId: 'z',
      writer: 'w',
      seq: n,
      hash: '',
      previousHash: '',
      text: JSON.stringify({ padding: 'x'.repeat(1_000_000) }),
    },
  ],
  ...(n < PARTS ? { next: String(n) } : {}),
});

test('an export of many parts listens for no more than one of few', async () => {
  const listeners: number[] = [];
  const server = createServer((_request, response) => {
    void sendExport(response, 'ndjson', {
      first: part(1),
      page: (after) => {
        listeners.push(response.listenerCount('close') + response.listenerCount('error'));
        return Promise.resolve(part(Number(after) + 1));
      },
      look: () => Promise.resolve(),
      released: new AbortController().signal,
    });
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  const { port } = server.address() as AddressInfo;
  const text = await (await fetch(`http://127.0.0.1:${port}`)).text();
  expect(text.trimEnd().split('\n')).toHaveLength(PARTS);
  expect(listeners).toHaveLength(PARTS - 1);
  expect(new Set(listeners).size).toBe(1);
});
