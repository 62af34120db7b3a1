import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What a program of docs/clients.md shows, and so what it is given and has to print. */
export const TASKS = [
  'session',
  'exchange',
  'key',
  'key-for-endpoint',
  'verify',
  'verify-typ-jwt',
  'held',
  'renew',
  'defaults',
  'user',
  'workload',
] as const;

/** The first of them prints a session mandate, the others what `run-program.ts` expects. */
export type Task = (typeof TASKS)[number];

/** The languages of programs, as their blocks call them. */
export const LANGUAGES = ['sh', 'js', 'python', 'go', 'rust', 'java'] as const;

export type Language = (typeof LANGUAGES)[number];

/** A program of docs/clients.md, exactly as it stands there. */
export interface Program {
  /** The client that it is of. */
  readonly client: string;
  readonly tasks: readonly Task[];
  readonly language: Language;
  readonly text: string;
  /** Whether it does what the library lacks by plain HTTP. */
  readonly plain: boolean;
  /** What lies beside it, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** A name for it that is good for a file, another one for each program. */
  readonly slug: string;
}

/** A client of docs/clients.md. */
export interface Client {
  readonly name: string;
  readonly slug: string;
  /** None for a client that cannot be run. */
  readonly programs: readonly Program[];
}

export const PAGE = fileURLToPath(new URL('../../docs/clients.md', import.meta.url));

/** The name of a client as it is good for a file. */
export const slugOf = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

/**
 * The clients of docs/clients.md and their programs: there is no other text of a program than the one that people
 * read. A section is a client if it has blocks with a word behind the language: the tasks that the program shows, a
 * name with a dot for a file that lies beside the programs, or `not-run`. A heading `X 6 and 7` is of two clients with
 * the same programs.
 *
 * @throws if a block has a word that means nothing
 */
export function readClients(page: string = readFileSync(PAGE, 'utf8')): Client[] {
  return page
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const [heading = ''] = section.split('\n');
      const blocks = [...section.matchAll(/^```(\w+)(?: ([^\n]+))?\n(.*?)^```$/gms)].map(
        ([, language = '', words = '', text = '']) => ({
          language,
          words: words.split(' ').filter((word) => word !== ''),
          text,
        }),
      );
      if (blocks.every(({ words }) => words.length === 0)) return [];
      return namesIn(heading).map((name) => clientOf(name, blocks));
    });
}

function namesIn(heading: string): string[] {
  const [, name, one, other] = /^(.*) (\d+) and (\d+)$/.exec(heading) ?? [];
  return name === undefined ? [heading] : [`${name} ${one}`, `${name} ${other}`];
}

interface Block {
  readonly language: string;
  readonly words: readonly string[];
  readonly text: string;
}

function clientOf(name: string, blocks: readonly Block[]): Client {
  const isFile = ({ words }: Block) => words.length === 1 && words[0]?.includes('.') === true;
  const files = Object.fromEntries(
    blocks.filter(isFile).map(({ words, text }) => [words[0] ?? '', text]),
  );
  const programs = blocks
    .filter((block) => !isFile(block) && block.words[0] !== 'not-run')
    .map(({ language, words, text }): Program => {
      const tasks = TASKS.filter((task) => words.includes(task));
      const plain = words.includes('plain');
      if (tasks.length === 0 || words.length !== tasks.length + (plain ? 1 : 0)) {
        throw new Error(`${name}: a block says "${words.join(' ')}"`);
      }
      const known = LANGUAGES.find((one) => one === language);
      if (known === undefined) throw new Error(`${name}: nothing runs ${language}`);
      const slug = `${slugOf(name)}-${tasks.join('-')}`;
      return { client: name, tasks, language: known, text, plain, files, slug };
    });
  return { name, slug: slugOf(name), programs };
}
