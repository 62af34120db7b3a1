import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command as Node } from 'commander';
import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { EXIT } from './command-result.js';
import { buildProgram } from './program.js';

const PAGE = fileURLToPath(new URL('../../docs/command-line.md', import.meta.url));

/** The tree of all commands, of which none is run. */
function tree(): Node {
  const never = () => {
    throw new Error('nothing is run');
  };
  const terminal = { width: null, color: false, attended: false };
  return buildProgram(
    {
      terminal: { ...terminal, print: never, say: never, ask: never, read: never },
      settings: never,
      direct: never,
    },
    never,
  );
}

/** The commands that do something, each in a row with what it does, as help says it. */
function rowsOf(node: Node, start: string): string[] {
  const help = node.createHelp();
  return help.visibleCommands(node).flatMap((command) => {
    const words = `${start} ${command.name()}`;
    if (command.name() === 'help') return [];
    if (command.commands.length > 0) return rowsOf(command, words);
    const given = command.registeredArguments.map((one) => help.argumentTerm(one)).join(' ');
    const shown = command.registeredArguments.map((one, i) =>
      one.required ? `<${given.split(' ')[i]}>` : `[${given.split(' ')[i]}]`,
    );
    const what = command.description().replaceAll('|', '\\|');
    return [`| \`${[words, ...shown].join(' ')}\` | ${what} |`];
  });
}

test('docs/command-line.md has every command, as --help says it (vitest -u writes it)', async () => {
  const rows = rowsOf(tree(), 'mandate');
  expect(rows.length).toBeGreaterThan(100);
  const page = readFileSync(PAGE, 'utf8');
  const marked = /(<!-- commands, printed by src\/cli\/documented.spec.ts -->\n).*(<!-- end -->)/s;
  expect(page).toMatch(marked);
  const table = ['| command | what it does |', '| --- | --- |', ...rows].join('\n');
  const printed = page.replace(marked, (_all, start, end) => `${start}\n${table}\n\n${end}`);
  const options = { ...(await resolveConfig(PAGE)), parser: 'markdown' };
  await expect(await format(printed, options)).toMatchFileSnapshot(PAGE);
});

test('docs/command-line.md has every exit code', () => {
  const codes = [...readFileSync(PAGE, 'utf8').matchAll(/^\| (\d) +\|/gm)].map(([, code]) =>
    Number(code),
  );
  expect(codes).toEqual(Object.values(EXIT));
});
