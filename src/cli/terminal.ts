import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';

/** Where a command reads and writes: that of the process, or a test's. */
export interface Terminal {
  /** Characters in a line of the standard output; `null` if nobody reads it line by line there. */
  readonly width: number | null;
  /** Whether what is printed may have colour. */
  readonly color: boolean;
  /** Whether a person sees the standard error. */
  readonly attended: boolean;
  /** Writes what the command is for, and waits until it is out of this process. @throws if there is no reader (any more) */
  print(text: string): Promise<void>;
  /** Writes what is said beside that, to the standard error. */
  say(text: string): void;
  /** Asks a person; `null` if there is none. */
  ask(question: string): Promise<string | null>;
  /** All of the standard input. */
  read(): Promise<string>;
}

/** The terminal of this process. @param noColor whether the environment asks for none */
export function processTerminal(noColor: boolean): Terminal {
  const { stdin, stdout, stderr } = process;
  return {
    width: stdout.isTTY ? stdout.columns : null,
    color: stdout.isTTY && !noColor,
    attended: stderr.isTTY,
    print: (output) =>
      new Promise((resolve, reject) => {
        stdout.write(output, (error) => (error ? reject(error) : resolve()));
      }),
    say: (output) => void stderr.write(output),
    async ask(question) {
      if (!stdin.isTTY || !stderr.isTTY) return null;
      const lines = createInterface({ input: stdin, output: stderr });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    },
    read: () => text(stdin),
  };
}
