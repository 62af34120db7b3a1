import { describe, expect, test } from 'vitest';
import { captured, NO_SERVER } from '../captured.fixture.js';
import { NOUNS } from './nouns.js';
import type { Example } from './noun.js';

/** A command line in words, as a shell reads it up to a pipe. */
function wordsOf(line: string): string[] {
  const [command = ''] = line.split(' | ');
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+?)"([^"]*)"|(\S+)/g)].map(
    ([, double, single, before = '', after = '', plain]) =>
      double ?? single ?? plain ?? before + after,
  );
}

const examples = NOUNS.flatMap(({ name, examples: own, actions }) => [
  ...own.map((example): [string, Example] => [name, example]),
  ...actions.flatMap(({ words, examples: ofAction }) =>
    ofAction.map((example): [string, Example] => [`${name} ${words}`, example]),
  ),
]);

describe('the nouns of the command line', () => {
  test('are each there once, with help that teaches by example', () => {
    const names = NOUNS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const untaught = NOUNS.flatMap(({ name, examples: own, actions }) => [
      ...(own.length === 0 ? [name] : []),
      ...actions
        .filter((action) => action.examples.length === 0)
        .map(({ words }) => `${name} ${words}`),
    ]);
    expect(untaught).toEqual([]);
  });

  // A command line that is read asks the server next, and there is none.
  test.each(examples)('the example mandate %s $line is a command', async (start, { line }) => {
    const words = [...start.split(' '), ...wordsOf(line)];
    await expect(captured(words)).rejects.toThrow(NO_SERVER);
  });

  test.each(NOUNS.map(({ name }) => name))('%s has help, with its examples', async (name) => {
    const { code, out, err } = await captured([name, '--help']);
    expect([code, err]).toEqual([0, '']);
    for (const { line } of NOUNS.find((noun) => noun.name === name)?.examples ?? []) {
      expect(out).toContain(`mandate ${name} ${line}`.trim());
    }
  });
});
