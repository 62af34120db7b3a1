import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultTransit } from '../../src/platform/config/key-custody.js';

/** What is wrong with the engine, if anything. */
export type Trouble = 'slow' | 'error' | 'sealed' | 'closed' | 'garbage' | 'opens only';

/** A stand-in for the transit secrets engine, with the answers of `fixtures/transit`. */
export interface Transit {
  readonly transit: VaultTransit;
  /** The same engine, another key in it. */
  readonly otherKey: VaultTransit;
  /** How many calls it had. */
  calls(): number;
  trouble(what: Trouble | null): void;
  /** Makes another token the only right one, without telling anybody. */
  expireToken(): void;
  /** Writes the right token into the file. */
  renewToken(): void;
  close(): Promise<void>;
}

/** Starts it on a free port. Keys are drawn when they are first used. */
export async function startTransit(): Promise<Transit> {
  const keys = new Map<string, Buffer>();
  const directory = mkdtempSync(join(tmpdir(), 'mandate-transit-'));
  const tokenFile = join(directory, 'token');
  let token = 'hvs.first';
  let trouble: Trouble | null = null;
  let calls = 0;
  writeFileSync(tokenFile, `${token}\n`);
  const answerTo = async (request: IncomingMessage): Promise<[number, object | string]> => {
    const body = await bodyOf(request);
    // Longer than any test lasts: nothing but a limit of ours ends the wait.
    if (trouble === 'slow') await sleep(600_000, undefined, { ref: false });
    if (trouble === 'error') return [500, { errors: ['internal error'] }];
    if (trouble === 'sealed') return [503, { errors: ['Vault is sealed'] }];
    if (trouble === 'garbage') return [200, '<html>'];
    if (request.headers['x-vault-token'] !== token) return [403, { errors: ['permission denied'] }];
    if (trouble === 'opens only' && request.url?.includes('/encrypt/') === true) {
      return [403, { errors: ['permission denied'] }];
    }
    return operate(keys, request.url ?? '', body);
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    calls += 1;
    if (trouble === 'closed') {
      request.socket.destroy();
      return;
    }
    const [status, said] = await answerTo(request);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof said === 'string' ? said : JSON.stringify(said));
  };
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  const transit = {
    address: `http://127.0.0.1:${port}`,
    tokenFile,
    mount: 'transit',
    key: 'mandate',
  };
  return {
    transit,
    otherKey: { ...transit, key: 'other' },
    calls: () => calls,
    trouble: (what) => (trouble = what),
    expireToken: () => (token = `hvs.${randomBytes(8).toString('hex')}`),
    renewToken: () => writeFileSync(tokenFile, `${token}\n`),
    close: async () => {
      await close(server);
      rmSync(directory, { recursive: true });
    },
  };
}

/** What the engine does: AES-256-GCM, with a prefix that names the version of the key. */
function operate(
  keys: Map<string, Buffer>,
  path: string,
  body: Record<string, string>,
): [number, object] {
  const [, operation, name = ''] = /^\/v1\/transit\/(encrypt|decrypt)\/([\w.-]+)$/.exec(path) ?? [];
  const key = keys.get(name) ?? randomBytes(32);
  keys.set(name, key);
  const aad = Buffer.from(body['associated_data'] ?? '', 'base64');
  if (operation === 'encrypt') {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad);
    const plain = Buffer.from(body['plaintext'] ?? '', 'base64');
    const bytes = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return [200, { data: { ciphertext: `vault:v1:${bytes.toString('base64')}`, key_version: 1 } }];
  }
  if (operation !== 'decrypt') return [404, { errors: [] }];
  const bytes = Buffer.from((body['ciphertext'] ?? '').replace('vault:v1:', ''), 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
      .setAAD(aad)
      .setAuthTag(bytes.subarray(-16));
    const plain = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    return [200, { data: { plaintext: plain.toString('base64') } }];
  } catch {
    return [400, { errors: ['cipher: message authentication failed'] }];
  }
}

/** The body of a request, as JSON. */
export async function bodyOf(request: IncomingMessage): Promise<Record<string, string>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
