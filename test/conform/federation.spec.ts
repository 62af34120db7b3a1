import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { newWorkloadIssuer, type WorkloadIssuer } from '../setup/workloads.js';
import { createTestZone, type TestZone } from '../setup/zone.js';
import { describeWith, GO, PYTHON } from './tools.js';

/** The libraries, as they come from their registries. */
const GOOGLE_AUTH = ['google-auth==2.62.2', 'requests==2.34.2'];
const X_OAUTH2 = 'golang.org/x/oauth2@v0.37.0';

const run = promisify(execFile);
const PAGE = fileURLToPath(new URL('../../docs/workloads.md', import.meta.url));
const POD = 'system:serviceaccount:shop:web';
const RESOURCE = 'https://orders.example';

/** The program of docs/workloads.md in a language, as it stands there. */
function programIn(language: string): string {
  const page = readFileSync(PAGE, 'utf8');
  const [, text = ''] =
    new RegExp(`^\`\`\`${language} federated\n(.*?)^\`\`\`$`, 'ms').exec(page) ?? [];
  expect(text).not.toBe('');
  return text;
}

/** A zone with a workload, in which a program runs that has nothing but the token of the workload. */
class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'mandate-federation-'));
  private readonly tokenFile = join(this.folder, 'token');

  private constructor(
    private readonly replica: Replica,
    private readonly zone: TestZone,
    private readonly cluster: WorkloadIssuer,
    readonly clientId: string,
  ) {}

  static async open(): Promise<Place> {
    const replica = await sharedReplica();
    const zone = await createTestZone(replica);
    await zone.admin('POST', '/resources', { identifier: RESOURCE, scopes: ['orders:read'] });
    const cluster = await newWorkloadIssuer(zone);
    const federated_identities = [{ issuer: cluster.name, subject: POD }];
    const { clientId } = await zone.newClient({ federated_identities });
    return new Place(replica, zone, cluster, clientId);
  }

  /** Runs a program with the token of a workload in a file. */
  async run(file: string, args: readonly string[], subject = POD): Promise<string> {
    writeFileSync(this.tokenFile, await this.cluster.token(subject));
    const { PATH = '', HOME = '' } = process.env;
    const env = {
      PATH,
      HOME,
      MANDATE: this.replica.url,
      ZONE: this.zone.zoneId,
      WORKLOAD_TOKEN_FILE: this.tokenFile,
    };
    const { stdout } = await run(file, [...args], { cwd: this.folder, env });
    return stdout.trim();
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Expects the mandate that the program has printed, and that a workload which is no client gets none. */
async function expectToWork(place: Place, file: string, args: readonly string[]): Promise<void> {
  expect(decodeJwt(await place.run(file, args))).toMatchObject({
    sub: place.clientId,
    sub_type: 'application',
    use: 'resource',
    aud: RESOURCE,
    scope: 'orders:read',
  });
  await expect(place.run(file, args, 'nobody')).rejects.toThrow(/names no client of this zone/);
}

describeWith([PYTHON], "google-auth's identity_pool", () => {
  let place: Place;
  let python: string;

  beforeAll(async () => {
    place = await Place.open();
    const { folder } = place;
    await run(PYTHON.path ?? '', ['-m', 'venv', join(folder, 'venv')]);
    python = join(folder, 'venv', 'bin', 'python');
    await run(python, ['-m', 'pip', 'install', '-q', '--only-binary', ':all:', ...GOOGLE_AUTH]);
    writeFileSync(join(folder, 'program.py'), programIn('python'));
  });
  afterAll(() => place?.close());

  test('gets a mandate with nothing but the token of a workload', async () => {
    await expectToWork(place, python, ['program.py']);
  });
});

describeWith([GO], "Go's externalaccount", () => {
  let place: Place;

  beforeAll(async () => {
    place = await Place.open();
    const { folder } = place;
    const go = (...args: string[]) =>
      run(GO.path ?? '', args, {
        cwd: folder,
        env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod' },
      });
    writeFileSync(join(folder, 'main.go'), programIn('go'));
    await go('mod', 'init', 'workload');
    await go('get', X_OAUTH2);
    await go('build', '-o', 'program', '.');
  });
  afterAll(() => place?.close());

  test('gets a mandate with nothing but the token of a workload', async () => {
    await expectToWork(place, join(place.folder, 'program'), []);
  });
});
