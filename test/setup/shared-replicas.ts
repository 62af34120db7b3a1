import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { copyTemplate } from './databases.js';
import { startServer, stopServer, type ListeningServer } from './server-process.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a shared replica is asked for by its number, and started when it is for the first time. */
    sharedReplicasUrl: string;
  }
}

/** What a test file learns of a shared replica. */
export interface SharedReplica {
  readonly ports: readonly number[];
  readonly pid: number;
  readonly databaseUrl: string;
  /** The file that has everything that it has written so far. */
  readonly log: string;
}

/**
 * Replicas for all test files that need nothing but zones of their own: to start a server is most of what
 * such a file costs. They are started when a file asks for them, and share a database.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), 'mandate-shared-'));
  const servers: ListeningServer[] = [];
  const replicas = new Map<string, Promise<SharedReplica>>();
  let database: Promise<string> | undefined;

  const start = async (name: string): Promise<SharedReplica> => {
    database ??= copyTemplate(project.getProvidedContext());
    const databaseUrl = await database;
    const log = join(directory, name);
    const server = await startServer({ DATABASE_URL: databaseUrl }, (line) => {
      appendFileSync(log, `${line}\n`);
    });
    servers.push(server);
    return { ports: server.ports, pid: server.pid, databaseUrl, log };
  };

  const desk = createServer((request, response) => {
    const name = (request.url ?? '').slice(1);
    const replica = replicas.get(name) ?? start(name);
    replicas.set(name, replica);
    replica.then(
      (found) => response.end(JSON.stringify(found)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => desk.listen(0, '127.0.0.1', resolve));
  const { port } = desk.address() as AddressInfo;
  project.provide('sharedReplicasUrl', `http://127.0.0.1:${port}`);
  return async () => {
    desk.close();
    desk.closeAllConnections();
    await Promise.all(servers.map(({ child }) => stopServer(child, 'SIGTERM')));
    rmSync(directory, { recursive: true });
  };
}
