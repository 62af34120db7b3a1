import type { ClientSettings } from '../platform/config/client-settings.js';
import type { Surroundings } from './api/api-client.js';
import type { DirectCommand } from './direct-command.js';
import { runProgram } from './program.js';

/** How a command line ended, and what it said. */
export interface Captured {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** What asks no server, and would have been done. */
  readonly direct: readonly DirectCommand[];
}

/** What a command line finds around it. */
export interface Around {
  /** Absent: that a server is asked is an error. */
  readonly settings?: Partial<ClientSettings>;
  /** What a person answers, one after the other; absent: there is nobody. */
  readonly answers?: readonly string[];
  /** What comes from the standard input. */
  readonly input?: string;
  /** Of the terminal; absent: there is none. */
  readonly width?: number;
  readonly surroundings?: Partial<Surroundings>;
}

/** The error of a command line that asks a server where there is none. */
export const NO_SERVER = 'a server is asked';

/** Runs a command line in this process, as `mandate` would. */
export async function captured(argv: readonly string[], around: Around = {}): Promise<Captured> {
  const { settings, answers, input = '', width = null, surroundings = {} } = around;
  const direct: DirectCommand[] = [];
  const left = [...(answers ?? [])];
  let [out, err] = ['', ''];
  const code = await runProgram(argv, {
    terminal: {
      width,
      color: false,
      attended: answers !== undefined,
      print: (text) => Promise.resolve(void (out += text)),
      say: (text) => void (err += text),
      ask(question) {
        err += `${question}\n`;
        return Promise.resolve(left.shift() ?? null);
      },
      read: () => Promise.resolve(input),
    },
    settings() {
      if (settings === undefined) throw new Error(NO_SERVER);
      return { url: undefined, token: undefined, zone: undefined, here: null, ...settings };
    },
    direct(command) {
      direct.push(command);
      return Promise.resolve(0);
    },
    surroundings,
  });
  return { code, out, err, direct };
}
