import { fork } from 'node:child_process';
import type { CandidatePostgres } from './postgres.js';
import type { Prepared } from './prepared.js';

/** A server that is measured: a process, and the PostgreSQL that it records in. */
export interface Candidate {
  readonly name: string;
  readonly port: number;
  /** The server's process; what it forked counts as well. */
  readonly pid: number;
  readonly postgres:
    | (Pick<CandidatePostgres, 'pid' | 'url'> & {
        /** The postmasters of the workers, where the database is distributed. */
        readonly workers?: readonly number[];
      })
    | null;
  readonly kinds: readonly Kind[];
  stop(): Promise<void>;
}

/** One kind of request that is put to a candidate. */
export interface Kind {
  /** Such as `exchange`; the floor's and others' have their candidate's name in front. */
  readonly name: string;
  /** The status that is right. */
  readonly status: number;
  /** Requests for a run: as many as were asked for where each is good for one use only, else one. */
  prepare(count: number): Promise<Prepared>;
  /** Verifies whole answers of a run: signature, claims, record. Throws for one that is not right. */
  check(samples: readonly string[]): Promise<void>;
  /** How many answers are on record so far, where that is known. */
  recorded?(): Promise<number>;
  /** Is given the bodies of a run's answers, where they are of use. */
  keep?(bodies: readonly string[]): void;
}

/** What {@link forkServer} started. */
export interface Forked {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts a server of this folder, which says on which port it listens, and ends when it is let go. */
export function forkServer(file: URL, env: Readonly<Record<string, string>>): Promise<Forked> {
  const child = fork(file, {
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${file.pathname} ended with ${String(code)}`)));
    child.once('message', ({ port }: { port: number }) => {
      const { pid } = child;
      if (pid === undefined) throw new Error('a server has no process id');
      resolve({
        pid,
        port,
        stop: () => {
          child.disconnect();
          return ended;
        },
      });
    });
  });
}
