import { createServer, request as ask } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { unavailable } from '../../oauth/errors.js';
import { CompatPaths } from './compat-paths.js';
import { COMPAT_ROUTES, COMPAT_SYSTEMS } from './compat-routes.js';

const ZONE = '01900000-0000-7000-8000-000000000001';

/** A server that answers with the target that it would route; the zone `acme` is known. */
async function serve(paths: CompatPaths): Promise<(path: string) => Promise<[number, string]>> {
  const asked: string[] = [];
  const find = paths.findZones({
    find: async (name) => {
      asked.push(name);
      if (name === 'away') throw unavailable('the database is away');
      return name === 'acme' || name === 'a/b ü' ? ZONE : null;
    },
  });
  const server = createServer(
    paths.before((request, response) =>
      find(request, response, () =>
        response.end(`${request.url} ${asked.splice(0).join()}`.trim()),
      ),
    ),
  ).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return async (path) => {
    const request = ask({ port, path, agent: false }).end();
    const [response] = await once(request, 'response');
    return [response.statusCode, await text(response)];
  };
}

const all = () => new CompatPaths(COMPAT_SYSTEMS, ZONE);

test.each(COMPAT_SYSTEMS.flatMap((system) => COMPAT_ROUTES[system]))(
  '%s is %s',
  async (theirs, ours) => {
    const at = await serve(all());
    const path = theirs.replace(':zone', ZONE);
    const target = ours.replace(':zone', ZONE);
    expect(await at(path)).toEqual([200, target]);
    expect(await at(`${path}?a=%2F&b=?`)).toEqual([200, `${target}?a=%2F&b=?`]);
    const longer = theirs.endsWith(':zone') ? [] : [`${path}x`];
    for (const other of [`${path}/`, `/x${path}`, `/${path}`, ...longer]) {
      expect(await at(other)).toEqual([200, other]);
    }
  },
);

test('a zone is found by its name, and one that is not there stays what it is called', async () => {
  const at = await serve(all());
  expect(await at('/t/acme/oauth2/token?x')).toEqual([200, `/zones/${ZONE}/oauth/2/token?x acme`]);
  expect(await at('/t/a%2Fb%20%C3%BC/oauth2/token')).toEqual([
    200,
    `/zones/${ZONE}/oauth/2/token a/b ü`,
  ]);
  expect(await at('/t/other/oauth2/token')).toEqual([200, '/zones/other/oauth/2/token other']);
  expect(await at('/t/..%2F..%2Finternal/oauth2/token')).toEqual([
    200,
    '/zones/..%2F..%2Finternal/oauth/2/token ../../internal',
  ]);
});

test('what cannot be found out is not answered as if it were not there', async () => {
  const at = await serve(all());
  const [status, body] = await at('/t/away/oauth2/token');
  expect([status, JSON.parse(body)]).toEqual([
    503,
    expect.objectContaining({ error: 'temporarily_unavailable' }),
  ]);
});

test('what is no percent-encoding goes on as it is', async () => {
  const at = await serve(all());
  expect(await at('/t/%ff/oauth2/token')).toEqual([200, '/t/%ff/oauth2/token']);
});

test('a path without a zone is that of the default zone, and of none if there is none', async () => {
  const named = await serve(new CompatPaths(['ubisecure'], 'acme'));
  expect(await named('/uas/oauth2/token')).toEqual([200, `/zones/${ZONE}/oauth/2/token acme`]);
  const none = await serve(new CompatPaths(['ubisecure'], null));
  expect(await none('/uas/oauth2/token')).toEqual([200, '/uas/oauth2/token']);
});

test('the paths of systems that were not asked for are nobody’s', async () => {
  const at = await serve(new CompatPaths(['ibm'], ZONE));
  for (const path of ['/t/acme/oauth2/token', '/oauth2/token', '/uas/oauth2/token']) {
    expect(await at(path)).toEqual([200, path]);
  }
  expect((await at('/sps/oauth/oauth20/token'))[1]).toBe('/oauth/2/token');
});
