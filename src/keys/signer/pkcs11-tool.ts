import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A token of a PKCS#11 module, and the file with its PIN. */
export interface Pkcs11Device {
  /** The path of the module, a shared library. */
  readonly module: string;
  readonly token: string;
  readonly pinFile: string;
  /** The environment of the tool and the module, such as the path of the module's configuration. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Milliseconds that a call may take: generating an RSA key takes some seconds. */
const TIMEOUT_MS = 15_000;

/**
 * Runs `pkcs11-tool`. The PIN is in the environment of that process, and not on its command line, which
 * everybody on the machine can read.
 *
 * @param what the options
 * @param input the input file, such as the bytes to sign
 * @returns the output file
 * @throws if the tool fails or takes more than 15 s
 */
export async function runPkcs11Tool(
  { module, token, pinFile, environment }: Pkcs11Device,
  what: readonly string[],
  input: Buffer = Buffer.alloc(0),
): Promise<Buffer> {
  const login = ['--module', module, '--token-label', token, '--login', '--pin', 'env:PKCS11_PIN'];
  const pin = (await readFile(pinFile, 'utf8')).trim();
  const directory = await mkdtemp(join(tmpdir(), 'mandate-pkcs11-'));
  try {
    const [given, made] = [join(directory, 'in'), join(directory, 'out')];
    await writeFile(given, input, { mode: 0o600 });
    await run('pkcs11-tool', [...login, ...what, '--input-file', given, '--output-file', made], {
      timeout: TIMEOUT_MS,
      env: { ...environment, PKCS11_PIN: pin },
    });
    return await readFile(made).catch(() => Buffer.alloc(0));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
