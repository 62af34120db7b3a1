/** What the chart renders, run: the Job that migrates, and the server with exactly that environment and those files. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { killCommands, runCommand } from '../clients/command.js';
import { freePort } from '../setup/free-port.js';
import { createEmptyDatabase, rows } from '../setup/harness.js';
import { killProcesses, OWN_PROCESS, startProcess, type ServerProcess } from '../setup/process.js';
import {
  manifestsOf,
  ofKind,
  podsOf,
  serverOf,
  type Container,
  type Manifest,
  type Probe,
} from './kubernetes/chart.js';
import { keptHelm } from './kubernetes/kept-tools.js';
import { placePod, type Secrets } from './kubernetes/pod-files.js';
import { prepared } from './kubernetes/skip-unreachable.js';
import { describeWith, GO } from './tools.js';

/** Where the image has the program, too. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** `mandate`. */
const CLI = join(ROOT, 'dist/src/cli.js');

const METRICS_TOKEN = randomBytes(24).toString('hex');
const ADMIN_TOKEN = randomBytes(24).toString('hex');

describeWith([GO], 'what the chart renders', () => {
  prepared(keptHelm);

  let folder = '';
  let databaseUrl: string;
  let manifests: readonly Manifest[] = [];
  let server: ServerProcess | undefined;

  const started = (): ServerProcess => {
    if (server === undefined) throw new Error('the server was not started');
    return server;
  };

  /** Where a probe of the manifest asks: the kubelet resolves the name of the port. */
  function addressOf({ ports = [] }: Container, { httpGet }: Probe): string {
    const port = ports.find(({ name }) => name === httpGet.port)?.containerPort;
    return `http://127.0.0.1:${port}${httpGet.path}`;
  }

  const passes = (probe: 'startupProbe' | 'livenessProbe' | 'readinessProbe') => async () => {
    const container = serverOf(manifests);
    const asked = container[probe];
    if (asked === undefined) throw new Error(`there is no ${probe}`);
    return (await fetch(addressOf(container, asked)).catch(() => null))?.status;
  };

  // Before the first, and so not where the tests are skipped.
  beforeEach(async () => {
    if (manifests.length > 0) return;
    folder = mkdtempSync(join(tmpdir(), 'mandate-pod-'));
    databaseUrl = await createEmptyDatabase();
    const [publicPort, internalPort] = [await freePort(), await freePort()];
    manifests = await manifestsOf('minimal', {
      ports: { public: publicPort, internal: internalPort },
      issuerUrl: `http://127.0.0.1:${publicPort}`,
      'secrets.adminToken.existingSecret': 'operators',
      'secrets.metricsToken.existingSecret': 'prometheus',
      'config.LOG_LEVEL': 'info',
    });
  });

  afterAll(async () => {
    killCommands();
    await killProcesses();
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  const secrets = (): Secrets => ({
    'mandate-database': { DATABASE_URL: databaseUrl },
    'mandate-key': { KEY_ENCRYPTION_KEY: randomKey },
    operators: { ADMIN_TOKEN },
    prometheus: { METRICS_TOKEN },
  });
  const randomKey = randomBytes(32).toString('base64');

  test('migrates by the Job, with the secrets that the Job has', async () => {
    const { spec } = podsOf(ofKind(manifests, 'Job')[0]);
    const [container] = spec.containers;
    if (container?.command === undefined) throw new Error('the Job has no command');
    const [file = '', ...args] = container.command;
    // The image has it on the PATH.
    expect(file).toBe('mandate');
    const env = placePod(spec, container, secrets(), join(folder, 'job'));
    const migrated = await runCommand(
      { file: process.execPath, args: [CLI, ...args], cwd: ROOT, env },
      200,
    );
    expect(migrated).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ran /m) });
    expect(await rows(databaseUrl, 'SELECT 1 FROM zones')).toEqual([]);
  });

  test('starts as the Deployment says, and all three probes pass', async () => {
    const { spec } = podsOf(ofKind(manifests, 'Deployment')[0]);
    const container = serverOf(manifests);
    const env = placePod(spec, container, secrets(), join(folder, 'server'));
    server = startProcess(env, ROOT, OWN_PROCESS);
    await expect.poll(passes('startupProbe')).toBe(200);
    await expect.poll(passes('readinessProbe')).toBe(200);
    await expect.poll(passes('livenessProbe')).toBe(200);
    const { ports } = await server.listens();
    expect(ports).toEqual((container.ports ?? []).map(({ containerPort }) => containerPort));
    // The Job had done all that there was to do.
    expect(server.output()).not.toContain('the schema is up to date now');
    // As many processes as the chart says.
    expect(server.output()).toContain('"workers":2');
  });

  test('shows operators and Prometheus the internal port alone', async () => {
    const { ports = [] } = serverOf(manifests);
    const [outside, inside] = ports.map(({ containerPort }) => `http://127.0.0.1:${containerPort}`);
    const ask = (url: string, token?: string) =>
      fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
    expect((await ask(`${outside}/metrics`, METRICS_TOKEN)).status).toBe(404);
    expect((await ask(`${outside}/internal/zones`, ADMIN_TOKEN)).status).toBe(404);
    expect((await ask(`${inside}/metrics`)).status).toBe(401);
    expect((await ask(`${inside}/metrics`, METRICS_TOKEN)).status).toBe(200);
    await expect
      .poll(async () => (await ask(`${inside}/internal/zones`, ADMIN_TOKEN)).status)
      .toBe(200);
    // What is secret is nowhere in what it says.
    for (const secret of [databaseUrl, ADMIN_TOKEN, METRICS_TOKEN]) {
      expect(started().output()).not.toContain(secret);
    }
  });

  test('is not ready any more while it drains, and ends by itself in the time that the pod has', async () => {
    started().kill('SIGTERM');
    await expect.poll(passes('readinessProbe')).toBe(503);
    expect(await passes('livenessProbe')()).toBe(200);
    const { spec } = podsOf(ofKind(manifests, 'Deployment')[0]);
    const grace = (spec.terminationGracePeriodSeconds ?? 0) * 1_000;
    // As the kubelet does: what goes on after that is killed, and has no exit code.
    const kill = setTimeout(() => started().kill('SIGKILL'), grace);
    expect(await started().ended).toMatchObject({ code: 0, signal: null });
    clearTimeout(kill);
  });
});
