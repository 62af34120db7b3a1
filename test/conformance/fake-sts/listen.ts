import { createServer, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { ISSUER } from './world.js';

/** Puts a fake server on a free port of this machine. It goes on calling itself by its own name. */
export async function listen(answer: typeof fetch): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    void (async () => {
      const answered = await answer(await requestOf(request));
      response.writeHead(answered.status, Object.fromEntries(answered.headers));
      response.end(await answered.text());
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

async function requestOf(request: IncomingMessage): Promise<Request> {
  const { method = 'GET', url = '/', headers } = request;
  const body = await buffer(request);
  const { authorization, 'content-type': type } = headers;
  return new Request(new URL(url, ISSUER), {
    method,
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(type === undefined ? {} : { 'content-type': type }),
    },
    ...(method === 'GET' ? {} : { body }),
  });
}
