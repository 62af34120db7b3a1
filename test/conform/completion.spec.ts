import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { captured } from '../../src/cli/captured.fixture.js';
import { killCommands, runCommand } from '../clients/command.js';
import { CLI } from '../setup/cli.js';
import { sharedReplica } from '../setup/harness.js';
import { createTestZone } from '../setup/zone.js';
import { describeWith, FISH, ZSH } from './tools.js';

/** What is typed, and the line that a Tab makes of it, where only one thing can be meant. */
const LINES = [
  ['mandate zon', 'mandate zones '],
  ['mandate policy-sets shadow tr', 'mandate policy-sets shadow try '],
  ['mandate resources create x --access g', 'mandate resources create x --access gateway '],
  ['mandate resources show https://tab.ex', 'mandate resources show https://tab.example/a '],
  ['mandate clients show two', 'mandate clients show two\\ words '],
] as const;

const folder = mkdtempSync(join(tmpdir(), 'mandate-completion-'));
let env: Record<string, string>;

beforeAll(async () => {
  const replica = await sharedReplica();
  const zone = await createTestZone(replica);
  await zone.admin('POST', '/resources', { identifier: 'https://tab.example/a', scopes: ['x'] });
  await zone.newClient({ name: 'two words' });
  const mandate = `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`;
  writeFileSync(join(folder, 'mandate'), mandate, { mode: 0o755 });
  env = {
    PATH: `${folder}:${process.env['PATH'] ?? ''}`,
    HOME: folder,
    TERM: 'dumb',
    LANG: 'C.UTF-8',
    MANDATE_URL: replica.url,
    MANDATE_TOKEN: replica.adminToken,
    MANDATE_ZONE: zone.zoneId,
  };
});
afterAll(() => {
  killCommands();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a script of a shell. @returns what it prints, line by line */
async function run(file: string, args: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await runCommand({ file, args, cwd: folder, env }, 100);
  expect([code, stderr]).toEqual([0, '']);
  return stdout.split('\n').slice(0, -1);
}

async function writeScript(shell: 'zsh' | 'fish'): Promise<string> {
  const { out } = await captured(['completion', shell]);
  const path = join(folder, `mandate.${shell}`);
  writeFileSync(path, out);
  return path;
}

describeWith([ZSH], 'zsh', () => {
  /** Types lines into a zsh at a terminal of its own, with a Tab behind each, and prints what they become. */
  const driver = (script: string) => `
zmodload zsh/zpty
zpty inner ${ZSH.path ?? ''} -f -i
zpty -w inner 'PS1= ; autoload -Uz compinit; compinit -u -D; source ${script}'
zpty -w inner 'report() { print -r -- "<<$BUFFER>>"; BUFFER= }; zle -N report; bindkey "^T" report; print rea''dy'
zpty -r inner said '*ready*'
for line in ${LINES.map(([typed]) => `'${typed}'`).join(' ')}; do
  zpty -w -n inner "$line"$'\\t\\x14'
  zpty -r inner said '*<<*>>*'
  print -r -- "\${\${said##*<<}%%>>*}"
done
`;

  test('completes commands, options and names, also with colons and spaces in them', async () => {
    const path = join(folder, 'driver.zsh');
    writeFileSync(path, driver(await writeScript('zsh')));
    const completed = () => run(ZSH.path ?? '', ['-f', path]);
    // Nobody waits long for names while typing: a busy server has none until it answers in time.
    await expect.poll(completed).toEqual(LINES.map(([, becomes]) => becomes));
  });
});

describeWith([FISH], 'fish', () => {
  test('completes commands, options and names, also with colons and spaces in them', async () => {
    const script = await writeScript('fish');
    const asked = LINES.map(([typed]) => `complete -C '${typed}'`);
    const completed = async () => {
      const lines = await run(FISH.path ?? '', [
        '--no-config',
        '-c',
        [`source ${script}`, ...asked].join('; '),
      ]);
      return lines.map((line) => line.split('\t')[0]);
    };
    await expect
      .poll(completed)
      .toEqual(['zones', 'try', 'gateway', 'https://tab.example/a', 'two words']);
  });
});
