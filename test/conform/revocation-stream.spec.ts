import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createClient } from '@redis/client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { freePort } from '../setup/free-port.js';
import { readAsGateway, STREAM, STREAMS_KEY } from '../setup/revocations.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';
import { describeWith, PYTHON_REVOCATION, REDIS } from './tools.js';

const PATIENCE = { timeout: 60_000 };

let port: number;
let redis: ChildProcess;
let replica: Replica;
let zone: TestZone;

function startRedis(): ChildProcess {
  return spawn(REDIS.path ?? '', ['--port', String(port), '--save', '', '--bind', '127.0.0.1'], {
    stdio: 'ignore',
  });
}

const url = () => `redis://127.0.0.1:${port}`;

/** Ends a session of its own. @returns its id */
async function endOne(): Promise<string> {
  const { body } = await persistently(() => zone.session());
  const [, payload = ''] = String(body['access_token']).split('.');
  const { sid } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid: string };
  const ended = await persistently(() =>
    callAdmin(replica, 'DELETE', `/zones/${zone.zoneId}/sessions/${sid}`),
  );
  expect(ended.status).toBe(204);
  return sid;
}

const logged = (text: string) => replica.logs().some((line) => line.includes(text));

describeWith([REDIS], 'the revocation stream in Redis', () => {
  let client: ReturnType<typeof createClient>;

  beforeAll(async () => {
    port = await freePort();
    redis = startRedis();
    replica = await startReplica({ env: { REDIS_URL: url(), STREAMS_HMAC_KEY: STREAMS_KEY } });
    zone = await createTestZone(replica);
  });
  afterAll(async () => {
    redis?.kill('SIGKILL');
    await replica?.stop();
  });
  beforeEach(async () => {
    client = createClient({ url: url() });
    client.on('error', () => {});
    await client.connect();
  });
  afterEach(() => client.destroy());

  /** What has come, read as the gateway reads: a group that begins at now, and each entry acknowledged. */
  async function joinAsGateway() {
    const group = `gateway-revocation:${process.pid}-${Math.random()}`;
    await client.xGroupCreate(STREAM, group, '$', { MKSTREAM: true });
    const sessions: string[] = [];
    return async () => {
      const streams = { key: STREAM, id: '>' };
      const answer = await client.xReadGroup(group, 'one', streams, { COUNT: 50, BLOCK: 100 });
      const messages = (
        answer as { messages: { id: string; message: Record<string, string> }[] }[] | null
      )?.[0];
      for (const { id, message } of messages?.messages ?? []) {
        sessions.push(...readAsGateway([message]).sessions);
        await client.xAck(STREAM, group, id);
      }
      return sessions;
    };
  }

  test('is read by a group, verified and acknowledged', async () => {
    const read = await joinAsGateway();
    const ended = [await endOne(), await endOne()];
    await expect.poll(async () => new Set(await read()), PATIENCE).toEqual(new Set(ended));
  });

  test('has what has ended while Redis was stopped, and while it was gone', async () => {
    redis.kill('SIGSTOP');
    const stopped = await endOne();
    await expect.poll(() => logged('the revocation stream cannot be written'), PATIENCE).toBe(true);
    redis.kill('SIGKILL');
    await once(redis, 'exit');
    const gone = await endOne();
    expect((await persistently(() => fetch(`${replica.url}/ready`))).status).toBe(200);
    redis = startRedis();
    const all = async () => {
      const other = createClient({ url: url(), socket: { reconnectStrategy: false } });
      other.on('error', () => {});
      try {
        await other.connect();
        const entries = await other.xRange(STREAM, '-', '+');
        return readAsGateway((entries ?? []).map(({ message }) => ({ ...message }))).sessions;
      } catch {
        return [];
      } finally {
        other.destroy();
      }
    };
    await expect.poll(all, PATIENCE).toEqual(expect.arrayContaining([stopped, gone]));
    await expect.poll(() => logged('the revocation stream is written again'), PATIENCE).toBe(true);
  });

  test('that is no stream is an error that is told, until it is one', async () => {
    await client.del(STREAM);
    await client.set(STREAM, 'something else');
    const ended = await endOne();
    await expect.poll(() => logged('WRONGTYPE'), PATIENCE).toBe(true);
    await client.del(STREAM);
    const all = async () => {
      const entries = await client.xRange(STREAM, '-', '+');
      return readAsGateway((entries ?? []).map(({ message }) => ({ ...message }))).sessions;
    };
    await expect.poll(all, PATIENCE).toContain(ended);
  });
});

/** Reads the stream by Caracal's own package, with a key, and prints which of some sessions are revoked then. */
const READ_BY_PACKAGE = `
import sys, redis
from caracalai_revocation_redis import RedisRevocationConsumer, RedisRevocationStore
url, key, prefix, *sids = sys.argv[1:]
client = redis.Redis.from_url(url)
store = RedisRevocationStore(client, key_prefix=prefix)
consumer = RedisRevocationConsumer(client, store, "one", group=prefix, block_ms=100, stream_hmac_key=bytes.fromhex(key))
consumer.ensure_group()
while consumer.poll_once() > 0: pass
print(" ".join(sid for sid in sids if store.is_revoked(sid)))
`;

describeWith([REDIS, PYTHON_REVOCATION], "Caracal's reader for resource servers", () => {
  beforeAll(async () => {
    port = await freePort();
    redis = startRedis();
    replica = await startReplica({ env: { REDIS_URL: url(), STREAMS_HMAC_KEY: STREAMS_KEY } });
    zone = await createTestZone(replica);
  });
  afterAll(async () => {
    redis?.kill('SIGKILL');
    await replica?.stop();
  });

  const revoked = (key: string, sid: string): string => {
    const { path = '' } = PYTHON_REVOCATION;
    const prefix = `of ${key}:`;
    const args = ['-c', READ_BY_PACKAGE, url(), key, prefix, sid, 'another'];
    return spawnSync(path, args, { encoding: 'utf8', timeout: 60_000 }).stdout.trim();
  };

  test('takes what has ended for revoked, and believes no other key', async () => {
    const ended = await endOne();
    await expect.poll(() => revoked(STREAMS_KEY, ended), PATIENCE).toBe(ended);
    expect(revoked('ff'.repeat(32), ended)).toBe('');
  });
});
