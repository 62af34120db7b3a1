import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Pkcs11Keys } from '../../src/keys/signer/pkcs11-keys.js';
import { startSigner, type RunningSigner } from '../../src/keys/signer/signer-server.js';
import { SocketSigner } from '../../src/keys/signing/socket-signer.js';
import { signerContract } from '../setup/signer-contract.js';
import { describeWith, OPENSC, SOFTHSM } from './tools.js';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const ZONE = '0192f0c1-0000-7000-8000-00000000000a';
const directory = mkdtempSync(join(tmpdir(), 'mandate-pkcs11-'));
const path = (name: string) => join(directory, name);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const device = existsSync(MODULE) ? SOFTHSM : { ...SOFTHSM, path: undefined };

describeWith([device, OPENSC], 'a signer behind a socket, with keys in a PKCS#11 device', () => {
  const environment = { PATH: '/usr/bin:/bin', SOFTHSM2_CONF: path('softhsm2.conf') };
  let running: RunningSigner | undefined;

  beforeAll(async () => {
    execFileSync('mkdir', [path('tokens')]);
    writeFileSync(path('softhsm2.conf'), `directories.tokendir = ${path('tokens')}\n`);
    writeFileSync(path('pin'), '123456\n', { mode: 0o600 });
    const init = ['--init-token', '--free', '--label', 'mandate', '--pin', '123456'];
    execFileSync('softhsm2-util', [...init, '--so-pin', '654321'], { env: environment });
    const keys = { module: MODULE, token: 'mandate', pinFile: path('pin'), environment };
    running = await startSigner(path('device.sock'), new Pkcs11Keys(keys), () => {});
  });
  afterAll(() => running?.close());

  // Each signature starts a program, which a busy machine does in its own time.
  const signer = new SocketSigner(path('device.sock'), 60_000);
  signerContract({
    signer: () => signer,
    algs: ['ES256', 'RS256', 'PS256'],
    remote: true,
  });

  test('says which algorithm it has not', async () => {
    const refused: unknown = await signer.newKey(ZONE, 'EdDSA').catch((error: unknown) => error);
    expect(refused).toMatchObject({ detail: 'the signer answered: unsupported_alg' });
  });
});
