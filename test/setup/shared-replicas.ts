import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { copyTemplate } from './databases.js';
import { startServer, type ListeningServer } from './server-process.js';

declare module 'vitest' {
  interface ProvidedContext {
    /**
     * Where test files get replicas that they do not start themselves: `/shared/<name>`, `/borrow/<count>` and,
     * when they are done with what they borrowed, `/return/<id>`.
     */
    replicasUrl: string;
  }
}

/** What a test file learns of a replica that it did not start. */
export interface SharedReplica {
  readonly ports: readonly number[];
  readonly pid: number;
  readonly databaseUrl: string;
  /** The file that has everything that it has written so far. */
  readonly log: string;
  /** How many bytes of that were written for others before. */
  readonly logged: number;
}

/** Replicas on one database that are lent together, to one test file at a time. */
export interface Loan {
  readonly id: number;
  readonly replicas: readonly SharedReplica[];
}

interface Running {
  readonly server: ListeningServer;
  readonly replica: SharedReplica;
}

/**
 * Replicas that test files need not start themselves: to start a server is most of what such a file costs.
 * They are started when a file asks for them, and run until the whole run is over.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), 'mandate-shared-'));
  const running: Running[] = [];
  const shared = new Map<string, Promise<SharedReplica>>();
  const sets: Running[][] = [];
  const setOf = (id: number): readonly Running[] => sets[id] ?? [];
  /** The ids of the sets that are not lent now. */
  const free = new Set<number>();
  let database: Promise<string> | undefined;
  const newDatabase = () => copyTemplate(project.getProvidedContext());

  const start = async (databaseUrl: string): Promise<Running> => {
    // Several are started at once, and each has a file of its own.
    const log = join(directory, randomUUID());
    appendFileSync(log, '');
    const server = await startServer({ DATABASE_URL: databaseUrl }, (line) => {
      appendFileSync(log, `${line}\n`);
    });
    const { ports, pid } = server;
    const one = { server, replica: { ports, pid, databaseUrl, log, logged: 0 } };
    running.push(one);
    return one;
  };

  const share = (name: string): Promise<SharedReplica> => {
    const known = shared.get(name);
    if (known !== undefined) return known;
    const made = (async () => {
      database ??= newDatabase();
      return (await start(await database)).replica;
    })();
    shared.set(name, made);
    return made;
  };

  const lend = async (count: number): Promise<Loan> => {
    // One of a set of two will do, if the set is not lent.
    const enough = [...free].filter((id) => setOf(id).length >= count);
    for (const id of enough.toSorted((one, other) => setOf(one).length - setOf(other).length)) {
      if (!free.delete(id)) continue;
      // What a test has broken in spite of everything is not lent again.
      if (await areReady(setOf(id))) return loanOf(id, setOf(id).slice(0, count));
    }
    const databaseUrl = await newDatabase();
    const set = await Promise.all(Array.from({ length: count }, () => start(databaseUrl)));
    return loanOf(sets.push(set) - 1, set);
  };

  const desk = createServer((request, response) => {
    const [, verb, what = ''] = (request.url ?? '').split('/');
    const answer = async (): Promise<unknown> => {
      if (verb === 'shared') return share(what);
      if (verb === 'borrow') return lend(Number(what));
      free.add(Number(what));
      return {};
    };
    answer().then(
      (found) => response.end(JSON.stringify(found)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => desk.listen(0, '127.0.0.1', resolve));
  const { port } = desk.address() as AddressInfo;
  project.provide('replicasUrl', `http://127.0.0.1:${port}`);
  return async () => {
    desk.close();
    desk.closeAllConnections();
    await Promise.all(running.map(({ server }) => server.stop('SIGTERM')));
    rmSync(directory, { recursive: true });
  };
}

const loanOf = (id: number, set: readonly Running[]): Loan => ({
  id,
  replicas: set.map(({ replica }) => ({ ...replica, logged: statSync(replica.log).size })),
});

async function areReady(set: readonly Running[]): Promise<boolean> {
  const answers = set.map(({ replica }) =>
    fetch(`http://127.0.0.1:${replica.ports[0]}/ready`).then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  return (await Promise.all(answers)).every(Boolean);
}
