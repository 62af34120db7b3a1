import { readFile } from 'node:fs/promises';

const PAGE = new URL('../../docs/generated-clients.md', import.meta.url);

/** A program of docs/generated-clients.md, which are run as they stand there. */
export async function programIn(name: 'walk.ts' | 'walk.py'): Promise<string> {
  const page = await readFile(PAGE, 'utf8');
  const [, block] = page.split(`<!-- ${name} -->`);
  const program = /```\w+\n([^]*?)```/.exec(block ?? '')?.[1];
  if (program === undefined) throw new Error(`there is no ${name} on the page`);
  return program;
}
