import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../setup/free-port.js';
import { createDatabase, KEY_ENCRYPTION_KEY, ADMIN_TOKEN, startReplica } from '../setup/harness.js';
import { before } from '../setup/order.js';
import { persistently } from '../setup/patience.js';
import { killProcesses, startProcess, until, type ServerProcess } from '../setup/process.js';
import { startProxy, type Proxy } from '../setup/proxy.js';
import { createTestZone } from '../setup/zone.js';

let databaseUrl: string;
beforeAll(async () => {
  databaseUrl = await createDatabase();
});
afterAll(async () => {
  await killProcesses();
  await Promise.all(proxies.map((proxy) => proxy.close()));
});

// Tests run at once here, so none of them can tell when it is over.
const proxies: Proxy[] = [];

async function proxyForTest(): Promise<Proxy> {
  const proxy = await startProxy();
  proxies.push(proxy);
  proxy.forwardTo(databaseUrl);
  return proxy;
}

const start = (url: string, more: Record<string, string> = {}): ServerProcess =>
  startProcess({ DATABASE_URL: url, KEY_ENCRYPTION_KEY, ADMIN_TOKEN, PORT: '0', ...more });

async function stop(server: ServerProcess): Promise<void> {
  server.kill();
  expect(await server.ended).toMatchObject({ code: 0 });
}

/** An ErrorResponse of PostgreSQL ("Message Formats" of its manual). */
function errorResponse(state: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${state}\0M${message}\0\0`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(fields.length + 4);
  return Buffer.concat([Buffer.from('E'), length, fields]);
}

/** What the process writes when it ends: the reason, in a line. */
function lastLine(server: ServerProcess): string {
  return server.output().trim().split('\n').at(-1) ?? '';
}

describe.concurrent('a start', () => {
  test('ends at once with a host that there is none of', async () => {
    // No name server is asked: this can be no name.
    const host = `${'x'.repeat(64)}.invalid`;
    const server = start(`postgres://mandate@${host}/mandate`);
    expect(await server.ended).toMatchObject({ code: 75 });
    expect(lastLine(server)).toBe(
      `there is no host ${host} that DATABASE_URL names; correct it, or start again when the name is known`,
    );
    // A busy machine may take a moment to say so; nothing else is waited for.
    expect(server.output()).not.toMatch(/does not answer yet: (?!it does not answer)/);
  });

  test('says that nothing is said, while it still waits for an answer, and comes up after that', async () => {
    const proxy = await proxyForTest();
    proxy.answer('silence');
    const server = start(proxy.urlFor(databaseUrl));
    await server.says(/does not answer yet: it does not answer; waiting/);
    // That was the first attempt, which has not ended.
    expect(proxy.made()).toBe(1);
    proxy.answer(null);
    proxy.cut();
    await server.listens();
    await stop(server);
  });

  test('says that the database starts, and comes up after it', async () => {
    const proxy = await proxyForTest();
    proxy.answer(errorResponse('57P03', 'the database system is starting up'));
    const server = start(proxy.urlFor(databaseUrl));
    await server.says(/does not answer yet: the database system is starting up/);
    proxy.answer(null);
    await server.listens();
    await stop(server);
  });

  // In the migrations, in what TypeORM asks, and in the check of the key.
  test.each([
    'pg_try_advisory_lock',
    'schema_functions',
    'SELECT version()',
    'key_encryption_keys',
  ])('goes on where it was when its connection is cut at %s', async (text) => {
    const proxy = await proxyForTest();
    proxy.cutAt(text);
    const server = start(proxy.urlFor(databaseUrl));
    await server.listens();
    expect(server.output()).toContain('does not answer yet: the connection was cut');
    await stop(server);
  });

  test('says that the connection is refused, and waits, and ends with that when its patience does', async () => {
    const url = `postgres://mandate@127.0.0.1:${await freePort()}/mandate`;
    const short = start(url, { START_SECONDS: '1' });
    const long = start(url);
    expect(await before(short.ended, long.ended)).toMatchObject({ code: 75 });
    expect(lastLine(short)).toBe(
      'the database could not be used within 1 seconds (START_SECONDS): the connection is refused; ' +
        'see that PostgreSQL runs, that DATABASE_URL names it and that it can be reached from here, and start again',
    );
    expect(short.output()).not.toMatch(/^\s+at /m);
    await long.says(/does not answer yet: the connection is refused; waiting for \d+ s more/);
    await stop(long);
  });

  test.each<[string, (url: URL) => void, RegExp]>([
    [
      'a wrong password',
      (url) => (url.password = 'canary-password'),
      /^the database does not let DATABASE_URL in: password authentication failed for user .*; correct the user and the password in it/,
    ],
    [
      'no password',
      (url) => (url.password = ''),
      /^the password in DATABASE_URL is missing or cannot be used: /,
    ],
    [
      'an unknown database',
      (url) => (url.pathname = '/nowhere'),
      /^the database that DATABASE_URL names is not there: database "nowhere" does not exist; create it with createdb, or name another one$/,
    ],
    [
      'TLS that the database does not speak',
      (url) => url.searchParams.set('sslmode', 'verify-full'),
      /^DATABASE_URL asks for TLS, which the database does not speak; take sslmode out of it, or switch TLS on there$/,
    ],
  ])('ends at once with %s, in one sentence', async (_name, change, sentence) => {
    const proxy = await proxyForTest();
    const url = new URL(proxy.urlFor(databaseUrl));
    change(url);
    const server = start(url.href);
    expect(await server.ended).toMatchObject({ code: 78 });
    expect(lastLine(server)).toMatch(sentence);
    expect(server.output()).not.toMatch(/^\s+at /m);
    expect(server.output()).not.toContain('canary');
    // It did not try again.
    expect(proxy.made()).toBe(1);
  });

  test('ends at once with a malformed URL', async () => {
    const server = start('postgres://canary:can/ary@host/x');
    expect(await server.ended).toMatchObject({ code: 78 });
    expect(lastLine(server)).toBe(
      'The environment is not usable: DATABASE_URL is malformed: it must be like postgres://user:password@host/name',
    );
    expect(server.output()).not.toContain('canary');
  });
});

test('a database that is far away is reached, and reached again when the connections are lost', async () => {
  const proxy = await proxyForTest();
  // A statement takes one round trip, a connection four: more than was given to all of it once.
  proxy.delayBy(100);
  const replica = await startReplica({
    databaseUrl: proxy.urlFor(databaseUrl),
    env: { DATABASE_TIMEOUT_MS: '1000' },
  });
  onTestFinished(async () => void (await replica.stop()));
  proxy.delayBy(0);
  const zone = await createTestZone(replica);
  expect((await persistently(() => zone.session())).status).toBe(200);
  proxy.delayBy(200);
  proxy.cut();
  await until(async () => (await zone.session()).status === 200);
});

test('a replica that nobody asks is ready as long as a statement gets through in its time', async () => {
  const proxy = await proxyForTest();
  const replica = await startReplica({
    databaseUrl: proxy.urlFor(databaseUrl),
    env: { DATABASE_TIMEOUT_MS: '2000' },
  });
  onTestFinished(async () => void (await replica.stop()));
  const readiness = async (): Promise<number> => (await fetch(`${replica.url}/ready`)).status;
  // Three quarters of what a statement is given.
  proxy.delayBy(750);
  proxy.cut();
  await until(async () => (await readiness()) === 503);
  await until(async () => (await readiness()) === 200);
});
