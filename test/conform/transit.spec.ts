import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { VaultTransit } from '../../src/platform/config/key-custody.js';
import { VaultKeyEncryption } from '../../src/sealing/vault-key-encryption.js';
import { freePort } from '../setup/free-port.js';
import { keyEncryptionContract } from '../setup/key-encryption-contract.js';
import { until } from '../setup/process.js';
import { describeWith, TRANSIT } from './tools.js';

describeWith([TRANSIT], 'a live transit engine', () => {
  let server: ChildProcess;
  let directory: string | undefined;
  let transit: VaultTransit;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'mandate-live-'));
    const port = await freePort();
    const listen = `-dev-listen-address=127.0.0.1:${port}`;
    server = spawn(TRANSIT.path ?? '', ['server', '-dev', '-dev-root-token-id=root', listen], {
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], HOME: directory },
    });
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, 'root');
    transit = { address: `http://127.0.0.1:${port}`, tokenFile, mount: 'transit', key: 'mandate' };
    const call = async (path: string, body: object) =>
      fetch(`${transit.address}/v1/${path}`, {
        method: 'POST',
        headers: { 'X-Vault-Token': 'root' },
        body: JSON.stringify(body),
      }).catch(() => null);
    await until(async () => (await call('sys/mounts/transit', { type: 'transit' }))?.ok);
    for (const key of ['mandate', 'other']) await call(`transit/keys/${key}`, {});
  });

  afterAll(() => {
    server?.kill();
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });

  keyEncryptionContract(() => ({
    kek: new VaultKeyEncryption(transit),
    other: new VaultKeyEncryption({ ...transit, key: 'other' }),
  }));
});
