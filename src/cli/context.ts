import type { Answer, ApiClient } from './api/api-client.js';
import type { Collection } from './api/find.js';
import type { Column } from './print/things.js';
import type { Terminal } from './terminal.js';

/** What a command has to do its work with. Nouns are said by their names, such as `clients`. */
export interface CommandContext {
  readonly api: ApiClient;
  readonly terminal: Terminal;
  /** Whether JSON is printed, for programs. */
  readonly json: boolean;

  /** The id of the zone that was said. @throws {CommandFailure} if none was, or there is no such zone */
  zone(): Promise<string>;

  /** Where the things of a noun are. */
  collection(noun: string): Promise<Collection>;

  /** The path of one thing below `/internal`, found by its name or id. @throws {CommandFailure} if there is none */
  pathOf(noun: string, nameOrId: string): Promise<string>;

  /** The id of one thing, found by its name or id. @throws {CommandFailure} if there is none */
  idOf(noun: string, nameOrId: string): Promise<string>;

  /** Prints what was answered: as it came for programs, as lines for people. */
  print(answer: Pick<Answer, 'body'>): Promise<void>;

  /** Prints all of a list, page for page. */
  printList(
    path: string,
    columns: readonly Column[],
    query?: Readonly<Record<string, string | undefined>>,
  ): Promise<void>;

  /** Says something beside what is printed, for people. */
  say(text: string): void;

  /** Waits. @param seconds for how long */
  pause(seconds: number): Promise<unknown>;

  /** What is in a file; `-` is the standard input. @throws {CommandFailure} if it cannot be read */
  read(path: string): Promise<string>;
}
