import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keyEncryptionContract } from '../../test/setup/key-encryption-contract.js';
import { bodyOf, startTransit, type Transit, type Trouble } from '../../test/setup/transit.js';
import { CustodyUnavailable, SealBroken } from './key-encryption.js';
import { LocalKeyEncryption } from './local-key-encryption.js';
import { CachingKeyEncryption } from './caching-key-encryption.js';
import { VaultKeyEncryption } from './vault-key-encryption.js';

const HERE = Buffer.from('where');

describe('a key from the environment', () => {
  const kek = new LocalKeyEncryption(randomBytes(32));
  const other = new LocalKeyEncryption(randomBytes(32));
  keyEncryptionContract(() => ({ kek, other }));
});

describe('a key in Vault', () => {
  let engine: Transit;
  beforeAll(async () => {
    engine = await startTransit();
  });
  afterAll(() => engine.close());
  beforeEach(() => engine.trouble(null));

  keyEncryptionContract(() => ({
    kek: new VaultKeyEncryption(engine.transit),
    other: new VaultKeyEncryption(engine.otherKey),
  }));

  describe('that is remembered', () => {
    keyEncryptionContract(() => ({
      kek: new CachingKeyEncryption(new VaultKeyEncryption(engine.transit)),
      other: new VaultKeyEncryption(engine.otherKey),
    }));

    test('is asked once for a data key, and goes on without being asked', async () => {
      const kek = new CachingKeyEncryption(new VaultKeyEncryption(engine.transit));
      const fresh = new CachingKeyEncryption(new VaultKeyEncryption(engine.transit));
      const dataKey = randomBytes(32);
      const wrapped = await kek.wrap(dataKey, HERE);
      await fresh.unwrap(wrapped, HERE);
      const before = engine.calls();
      engine.trouble('closed');
      for (const one of [kek, fresh, fresh]) {
        const unwrapped = await one.unwrap(wrapped, HERE);
        expect(unwrapped.equals(dataKey)).toBe(true);
        // What the caller wipes is its own.
        unwrapped.fill(0);
      }
      expect(engine.calls()).toBe(before);
      await expect(fresh.unwrap(wrapped, Buffer.from('elsewhere'))).rejects.toThrow(
        CustodyUnavailable,
      );
    });
  });

  test.each<Trouble>(['slow', 'error', 'sealed', 'closed', 'garbage'])(
    'is out of reach while the engine is %s, and back without a restart',
    async (trouble) => {
      const kek = new VaultKeyEncryption(engine.transit);
      const wrapped = await kek.wrap(randomBytes(32), HERE);
      engine.trouble(trouble);
      await expect(kek.unwrap(wrapped, HERE)).rejects.toThrow(CustodyUnavailable);
      await expect(kek.wrap(randomBytes(32), HERE)).rejects.toThrow(CustodyUnavailable);
      engine.trouble(null);
      expect(await kek.unwrap(wrapped, HERE)).toHaveLength(32);
    },
  );

  test('is out of reach with a token that has expired, until the file has another', async () => {
    const kek = new VaultKeyEncryption(engine.transit);
    engine.expireToken();
    await expect(kek.wrap(randomBytes(32), HERE)).rejects.toThrow(CustodyUnavailable);
    engine.renewToken();
    expect((await kek.wrap(randomBytes(32), HERE)).length).toBeGreaterThan(60);
    const lost = new VaultKeyEncryption({ ...engine.transit, tokenFile: '/nowhere' });
    await expect(lost.wrap(randomBytes(32), HERE)).rejects.toThrow(CustodyUnavailable);
  });

  test('says nothing of addresses, tokens or keys when it is out of reach', async () => {
    const dataKey = randomBytes(32);
    engine.trouble('error');
    const failed: unknown = await new VaultKeyEncryption(engine.transit)
      .wrap(dataKey, HERE)
      .catch((error: unknown) => error);
    const said = failed instanceof CustodyUnavailable ? failed.message + failed.detail : '';
    expect(said).toContain('answered 500');
    for (const secret of ['hvs.', '127.0.0.1', dataKey.toString('base64')]) {
      expect(said).not.toContain(secret);
    }
  });
});

interface Recording {
  readonly name: string;
  readonly request: { method: string; path: string; token: string; body: Record<string, string> };
  readonly response: { status: number; body: object };
  readonly outcome: 'done' | 'broken' | 'unavailable';
}

/** Requests and answers as the engine's documentation has them; `test/conform/transit.spec.ts` is the proof. */
describe('the recorded contract with the transit engine', () => {
  const path = new URL('../../test/fixtures/transit/recordings.json', import.meta.url);
  const recordings = JSON.parse(readFileSync(path, 'utf8')) as Recording[];

  test.each(recordings.map((recording) => [recording.name, recording] as const))(
    '%s',
    async (_, { request: expected, response: recorded, outcome }) => {
      const asked: unknown[] = [];
      const replay = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
        const { method, url, headers } = request;
        const body = await bodyOf(request);
        asked.push({ method, path: url, token: headers['x-vault-token'], body });
        response.writeHead(recorded.status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(recorded.body));
      };
      const server = createServer((request, response) => void replay(request, response));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
      const directory = mkdtempSync(join(tmpdir(), 'mandate-recorded-'));
      try {
        const tokenFile = join(directory, 'token');
        writeFileSync(tokenFile, `${expected.token}\n`);
        const { port } = server.address() as AddressInfo;
        const address = `http://127.0.0.1:${port}`;
        const kek = new VaultKeyEncryption({
          address,
          tokenFile,
          mount: 'transit',
          key: 'mandate',
        });
        const { plaintext = '', ciphertext = '', associated_data: aad = '' } = expected.body;
        const place = Buffer.from(aad, 'base64');
        const attempt = expected.path.includes('/encrypt/')
          ? kek.wrap(Buffer.from(plaintext, 'base64'), place)
          : kek.unwrap(Buffer.from(ciphertext), place);
        if (outcome === 'done') {
          const { data } = recorded.body as { data: { ciphertext?: string; plaintext?: string } };
          const made = data.ciphertext ?? Buffer.from(data.plaintext ?? '', 'base64');
          expect(Buffer.from(made).equals(await attempt)).toBe(true);
        } else {
          await expect(attempt).rejects.toThrow(
            outcome === 'broken' ? SealBroken : CustodyUnavailable,
          );
        }
        expect(asked).toEqual([expected]);
      } finally {
        server.closeAllConnections();
        server.close();
        rmSync(directory, { recursive: true });
      }
    },
  );
});
