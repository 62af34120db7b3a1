import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signerContract } from '../../../test/setup/signer-contract.js';
import { CustodyUnavailable } from '../../sealing/key-encryption.js';
import { keyEncryptionsOf } from '../../sealing/key-encryptions.js';
import { keyIdOf } from '../signing/key-pair.js';
import { LocalSigner } from '../signing/local-signer.js';
import { SocketSigner } from '../signing/socket-signer.js';
import { ZONE_ALGS } from '../../oauth/algorithms.js';
import { FileKeys } from './file-keys.js';
import { startSigner, type RunningSigner } from './signer-server.js';

const ZONE = '0192f0c1-0000-7000-8000-00000000000a';
const directory = mkdtempSync(join(tmpdir(), 'mandate-signer-'));
const path = (name: string) => join(directory, name);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const keksFor = (key: Buffer) =>
  keyEncryptionsOf({
    provider: 'env',
    key,
    keyOrigin: 'KEY_ENCRYPTION_KEY',
    keyRemedy: '',
    previousKey: undefined,
    vault: undefined,
    signer: 'local',
    signerSocket: undefined,
  });

describe('in this process', () => {
  signerContract({ signer: () => new LocalSigner(), algs: ZONE_ALGS, remote: false });
});

describe('behind a socket, with keys in files', () => {
  const keks = keksFor(randomBytes(32));
  const said: string[] = [];
  let running: RunningSigner;
  // RSA takes seconds, and much longer on a machine that does something else.
  const signer = new SocketSigner(path('files.sock'), 240_000);
  const start = async () =>
    startSigner(path('files.sock'), new FileKeys(path('keys'), keks), (what) => said.push(what));

  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.close());

  signerContract({ signer: () => signer, algs: ZONE_ALGS, remote: true });

  test('for their owner only', () => {
    expect(statSync(path('files.sock')).mode & 0o777).toBe(0o600);
    expect(statSync(path('keys')).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(path('keys'))) {
      expect(statSync(join(path('keys'), name)).mode & 0o777).toBe(0o600);
    }
  });

  test('that are of no use in the place of each other, or under another key', async () => {
    const keys = new FileKeys(path('swapped'), keks);
    const [one, two] = [await keys.newKey(ZONE, 'ES256'), await keys.newKey(ZONE, 'ES256')];
    const data = Buffer.from('x');
    const other = new FileKeys(path('swapped'), keksFor(randomBytes(32)));
    const asOne = { zone: ZONE, handle: one.handle, alg: 'ES256' } as const;
    await expect(other.sign(asOne, data)).rejects.toThrow();
    const file = (handle: string) => path(`swapped/${handle}.json`);
    writeFileSync(file(one.handle), readFileSync(file(two.handle)));
    await expect(keys.sign(asOne, data)).rejects.toThrow();
    expect(await keys.sign({ ...asOne, handle: two.handle }, data)).toHaveLength(64);
  });

  test('that answers what means nothing, and ends what is too long', async () => {
    const talk = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        let answered = '';
        const socket = createConnection(path('files.sock'), () => socket.write(text));
        socket.setTimeout(5_000, () => socket.destroy());
        socket.on('data', (chunk) => {
          answered += chunk.toString();
          if (answered.includes('\n')) socket.end();
        });
        socket.on('close', () => resolve(answered.trim()));
        socket.on('error', reject);
      });
    const bad = '{"id":null,"error":"bad_request"}';
    expect(await talk('nonsense\n')).toBe(bad);
    expect(await talk('{"id":1,"op":"export","zone":"x"}\n')).toBe(bad);
    expect(await talk('x'.repeat(70_000))).toBe(bad);
    const hostile = { id: 1, op: 'sign', zone: ZONE, handle: '..', alg: 'none', data: 'eA' };
    expect(await talk(`${JSON.stringify(hostile)}\n`)).toBe(bad);
    expect(said).toEqual([]);
  });

  test('that comes back after it was ended, with the keys that it had', async () => {
    const { publicJwk, handle } = await signer.newKey(ZONE, 'ES256');
    const key = { zoneId: ZONE, kid: await keyIdOf(publicJwk), alg: 'ES256', publicJwk } as const;
    const sign = await signer.use(key, handle);
    await running.close();
    await expect(sign(Buffer.from('x'))).rejects.toThrow(CustodyUnavailable);
    await expect(signer.newKey(ZONE, 'ES256')).rejects.toThrow(CustodyUnavailable);
    running = await start();
    expect(await sign(Buffer.from('x'))).toHaveLength(64);
    await expect(start()).rejects.toThrow('listens');
  });
});

describe('behind a socket where something else answers', () => {
  let server: Server;
  let answer: (socket: Socket, line: string) => void;
  const sockets = new Set<Socket>();
  const signer = new SocketSigner(path('wrong.sock'));

  beforeAll(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (chunk) => answer(socket, chunk.toString()));
    });
    await new Promise<void>((resolve) => server.listen(path('wrong.sock'), () => resolve()));
  });
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  const idOf = (line: string) => String((JSON.parse(line) as { id: number }).id);

  test.each<[string, (socket: Socket, line: string) => void]>([
    ['nothing', () => {}],
    ['the end', (socket) => socket.destroy()],
    ['garbage', (socket) => socket.write('garbage\n')],
    ['too much', (socket) => socket.write('x'.repeat(100_000))],
    ['a refusal', (socket, line) => socket.write(`{"id":${idOf(line)},"error":"failed"}\n`)],
    [
      'a wrong signature',
      (socket, line) =>
        socket.write(
          `{"id":${idOf(line)},"signature":"${Buffer.alloc(64, 1).toString('base64url')}"}\n`,
        ),
    ],
    [
      'a signature in DER',
      (socket, line) => socket.write(`{"id":${idOf(line)},"signature":"MEUCIQ"}\n`),
    ],
  ])('%s: it is out of reach', async (_, behaviour) => {
    answer = behaviour;
    const { publicJwk } = await new LocalSigner().newKey(ZONE, 'ES256');
    const key = { zoneId: ZONE, kid: await keyIdOf(publicJwk), alg: 'ES256', publicJwk } as const;
    const sign = await signer.use(key, Buffer.from('handle'));
    await expect(sign(Buffer.from('x'))).rejects.toThrow(CustodyUnavailable);
  });

  test('a public key of another kind, or a weak one, is none', async () => {
    const weak = { kty: 'RSA', n: Buffer.alloc(128, 0xff).toString('base64url'), e: 'AQAB' };
    for (const alg of ['ES256', 'RS256'] as const) {
      answer = (socket, line) =>
        socket.write(
          `${JSON.stringify({ id: Number(idOf(line)), handle: 'h', public_jwk: weak })}\n`,
        );
      await expect(signer.newKey(ZONE, alg)).rejects.toThrow(CustodyUnavailable);
    }
  });
});
