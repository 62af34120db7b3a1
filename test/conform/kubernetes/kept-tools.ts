import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../clients/command.js';
import { fetchPackages, Unreachable } from '../../clients/toolchains/toolchain.js';
import { GO, PYTHON } from '../tools.js';

/** The helm that charts are tried with. */
const HELM = 'helm.sh/helm/v3/cmd/helm@v3.22.0';

/** Go modules whose archives have the definitions of custom resources in them. Nothing of them is compiled. */
const DEFINITIONS: Readonly<Record<string, readonly string[]>> = {
  'github.com/prometheus-operator/prometheus-operator@v0.85.0': [
    'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
    'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml',
  ],
  'sigs.k8s.io/gateway-api@v1.5.1': [
    'config/crd/standard/gateway.networking.k8s.io_httproutes.yaml',
  ],
};

const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));

/** Seconds for what takes minutes on a machine that has never done it. Go keeps what it has built by then. */
const BUILD_SECONDS = 480;

/** Seconds for each archive that is fetched only. */
const FETCH_SECONDS = 120;

/** Where tools are kept from one run to the next. */
const KEPT = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'mandate-conform');

/**
 * The path of a helm that is built from its module, whose checksum Go compares with the public log.
 *
 * @throws {Unreachable} if the module cannot be had here and now
 */
export async function keptHelm(): Promise<string> {
  const folder = await keep(`helm-${HELM.split('@').at(-1)}`, (empty) =>
    fetchPackages(
      [
        {
          file: GO.path ?? '',
          args: ['install', HELM],
          cwd: empty,
          env: goEnvironment({ GOBIN: empty }),
        },
      ],
      BUILD_SECONDS,
    ),
  );
  return join(folder, 'helm');
}

/**
 * The folder with the Python packages of `requirements.txt`, for PYTHONPATH.
 *
 * @throws {Unreachable} if they cannot be had here and now
 */
export async function keptSchemas(): Promise<string> {
  const python = PYTHON.path ?? '';
  const { stdout } = await runCommand({ file: python, args: ['--version'], cwd: KEPT_PARENT }, 60);
  const which = createHash('sha256').update(stdout).update(readFileSync(REQUIREMENTS));
  return keep(`kubernetes-schemas-${which.digest('hex').slice(0, 12)}`, (empty) =>
    fetchPackages([
      {
        file: python,
        args: ['-m', 'pip', 'install', '-q', '--only-binary', ':all:', '--no-deps'].concat([
          '--target',
          empty,
          '-r',
          REQUIREMENTS,
        ]),
        cwd: empty,
      },
    ]),
  );
}

/**
 * The files of the definitions of custom resources, which Go keeps.
 *
 * @throws {Unreachable} if a module cannot be had here and now
 */
export async function keptDefinitions(): Promise<string[]> {
  const found: string[] = [];
  for (const [module, files] of Object.entries(DEFINITIONS)) {
    const args = ['mod', 'download', '-json', module];
    const command = { file: GO.path ?? '', args, cwd: KEPT_PARENT, env: goEnvironment({}) };
    const { code, stdout } = await runCommand(command, FETCH_SECONDS);
    if (code === null) throw new Unreachable(`${module}: took longer than ${FETCH_SECONDS} s`);
    const { Dir, Error: error } = JSON.parse(stdout || '{}') as { Dir?: string; Error?: string };
    if (code !== 0 || Dir === undefined) throw new Unreachable(`${module}: ${error ?? code}`);
    found.push(...files.map((file) => join(Dir, file)));
  }
  return found;
}

/** What tells one run from another: the process that has started those of each file. */
const RUN = String(process.ppid);

/** A folder that is there whatever else is. */
const KEPT_PARENT = homedir();

function goEnvironment(more: Readonly<Record<string, string>>): Record<string, string> {
  const ours = Object.entries(process.env).map(([name, value]) => [name, value ?? '']);
  return { ...(Object.fromEntries(ours) as Record<string, string>), GOTOOLCHAIN: 'local', ...more };
}

/**
 * A folder under this name, made once: it has its name when it is whole.
 *
 * @throws {Unreachable} if it cannot be made, which is tried once in a run: other files of tests do not wait for it again
 */
async function keep(name: string, make: (empty: string) => Promise<void>): Promise<string> {
  const folder = join(KEPT, name);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const missed = `${folder}.missed`;
  const [run, ...why] = existsSync(missed) ? readFileSync(missed, 'utf8').split('\n') : [];
  if (run === RUN) throw new Unreachable(why.join('\n'));
  const made = mkdtempSync(`${folder}-`);
  try {
    await make(made);
    // Another run may have been quicker.
    if (!existsSync(folder)) renameSync(made, folder);
    rmSync(missed, { force: true });
  } catch (error) {
    if (error instanceof Unreachable) writeFileSync(missed, `${RUN}\n${error.message}`);
    throw error;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  return folder;
}
