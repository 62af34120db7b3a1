import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, type TestContext } from 'vitest';
import { killCommands, runCommand } from '../clients/command.js';
import { fetchPackages, Unreachable } from '../clients/toolchains/toolchain.js';
import { expectWholeReadme, programIn, WALKED } from '../setup/generated-client.js';
import { startReplica, type Replica } from '../setup/harness.js';
import { startForNewcomers, type Newcomers } from '../setup/readme.js';
import { createTestZone } from '../setup/zone.js';
import { describeWith, PYTHON_311 } from './tools.js';

const REQUIREMENTS = fileURLToPath(new URL('openapi/requirements.txt', import.meta.url));

/** Operations that would end what the others are asked with, or the quiet of the test, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  admin_token_close: 'closes the key that everything is asked with',
  zones_remove: 'removes the zone that the others are about',
  log_level_change: 'makes the log too long',
  status_lists_list:
    'is answered 501 for a list of another time (draft-ietf-oauth-status-list 8.4)',
  set_receiver_receive: 'takes application/secevent+jwt, which it cannot write',
};

describeWith([PYTHON_311], 'clients and cases that Python makes of the document', () => {
  const folder = mkdtempSync(join(tmpdir(), 'generated-python-'));
  let unreachable: string | null = null;
  let replica: Replica;
  let newcomers: Newcomers;

  beforeAll(async () => {
    const python = join(folder, 'venv', 'bin', 'python');
    const options = ['-q', '--only-binary', ':all:', '--no-deps', '-r', REQUIREMENTS];
    try {
      await fetchPackages(
        [
          { file: PYTHON_311.path ?? '', args: ['-m', 'venv', 'venv'], cwd: folder },
          { file: python, args: ['-m', 'pip', 'install', ...options], cwd: folder },
        ],
        230,
      );
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      unreachable = error.message;
    }
    replica = await startReplica();
    newcomers = await startForNewcomers();
    const document = await (await fetch(`${replica.url}/docs-json`)).text();
    writeFileSync(join(folder, 'mandate.json'), document);
  });
  afterAll(async () => {
    killCommands();
    await replica?.stop();
    await newcomers?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a program of the environment. */
  async function run(
    { skip }: TestContext,
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    if (unreachable !== null) skip(unreachable);
    const file = join(folder, 'venv', 'bin', program);
    return runCommand({ file, args, cwd: folder, env }, 400);
  }

  test('a client that openapi-python-client makes does all that the README does', async (context) => {
    const options = ['--path', 'mandate.json', '--output-path', 'mandate', '--meta', 'none'];
    const made = await run(context, 'openapi-python-client', ['generate', ...options]);
    expect(made).toMatchObject({ code: 0 });
    writeFileSync(join(folder, 'walk.py'), await programIn('walk.py'));
    await expectWholeReadme(newcomers, async (env) => {
      const ended = await run(context, 'python', ['walk.py'], env);
      expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(WALKED) });
    });
  });

  test(
    'schemathesis finds no answer that the document does not have',
    { timeout: 450_000 },
    async (context) => {
      const zone = await createTestZone(replica);
      const config = `[parameters]\n"path.zone" = "${zone.zoneId}"\n`;
      writeFileSync(join(folder, 'schemathesis.toml'), config);
      const checks = [
        'not_a_server_error',
        'status_code_conformance',
        'content_type_conformance',
        'response_schema_conformance',
      ];
      const ended = await run(context, 'schemathesis', [
        '--config-file=schemathesis.toml',
        'run',
        'mandate.json',
        `--url=${replica.url}`,
        `--header=Authorization: Bearer ${replica.adminToken}`,
        `--checks=${checks.join()}`,
        '--phases=examples,coverage',
        '--max-examples=3',
        '--seed=1',
        '--max-time=170',
        '--request-timeout=20',
        '--no-color',
        ...Object.keys(LEFT_OUT).flatMap((id) => ['--exclude-operation-id', id]),
      ]);
      const failures = /=+ (?:FAILURES|ERRORS) =+[^]*/.exec(ended.stdout)?.[0] ?? '';
      expect(failures).toBe('');
      expect(ended.stdout).toMatch(/Tested: [1-9]\d\d/);
      expect(ended.code).toBe(0);
    },
  );
});
