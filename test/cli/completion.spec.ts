import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { captured } from '../../src/cli/captured.fixture.js';
import { CLI } from '../setup/cli.js';
import { sharedReplica } from '../setup/harness.js';
import { createTestZone } from '../setup/zone.js';

const HAS_BASH = spawnSync('bash', ['--version']).status === 0;

test.runIf(HAS_BASH)('bash completes commands and names, also with colons in them', async () => {
  const replica = await sharedReplica();
  const zone = await createTestZone(replica);
  await zone.admin('POST', '/resources', { identifier: 'https://tab.example/a', scopes: ['x'] });
  await zone.newClient({ name: 'two words' });
  const bin = await mkdtemp(join(tmpdir(), 'mandate-bin-'));
  onTestFinished(() => rm(bin, { recursive: true }));
  await writeFile(join(bin, 'mandate'), `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`, {
    mode: 0o755,
  });
  const script = await captured(['completion', 'bash']);
  const lines = [
    'mandate zon',
    'mandate resources show https://tab.ex',
    'mandate clients show two',
  ];
  const program = [
    script.out,
    ...lines.map(
      (line) =>
        `COMP_LINE='${line}' COMP_POINT=${line.length}; _mandate; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ),
  ].join('\n');
  const completed = async () => {
    const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', program], {
      cwd: bin,
      env: {
        PATH: `${bin}:${process.env['PATH'] ?? ''}`,
        MANDATE_URL: replica.url,
        MANDATE_TOKEN: replica.adminToken,
        MANDATE_ZONE: zone.zoneId,
      },
    });
    return stdout.split('\n');
  };
  // Nobody waits long for names while typing: a busy server has none until it answers in time.
  await expect
    .poll(completed)
    // Readline takes what is in front of a colon for a word of its own.
    .toEqual(['zones', '//tab.example/a', 'two\\ words', '']);
});
