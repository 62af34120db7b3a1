import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import { withClient } from './databases.js';
import { makeDistributedTemplate, nodesOf } from './distributed-databases.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A server to make databases on. */
    serverUrl: string;
    /** What `CREATE DATABASE` is told for a copy of the database that has all tables and nothing in them. */
    copyOptions: string;
    /** The nodes of `CITUS_URL`, the coordinator first; none where the server is a plain one. */
    nodeUrls: readonly string[];
  }
}

const CLI = fileURLToPath(new URL('../../dist/src/cli.js', import.meta.url));

/**
 * One real PostgreSQL for the whole run: the embedded one, or the one that `TEST_DATABASE_URL` names,
 * whose user must be allowed to create databases. Migrations run once, on a database that is copied.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const template = `mandate_template_${randomUUID().replaceAll('-', '')}`;
  const citusUrl = process.env['CITUS_URL'] || undefined;
  if (citusUrl !== undefined) return distributed(project, citusUrl, template);
  const { url, stop, strategy } = await startServer();
  const query = (text: string) => withClient(url, (client) => client.query(text));
  await query(`CREATE DATABASE ${template}`);
  const templateUrl = new URL(url);
  templateUrl.pathname = `/${template}`;
  execFileSync(process.execPath, [CLI, 'migrate'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...migrating(), DATABASE_URL: templateUrl.href },
  });
  // A database with an open connection cannot be copied.
  await query(`ALTER DATABASE ${template} ALLOW_CONNECTIONS false`);
  project.provide('serverUrl', url);
  project.provide('copyOptions', `TEMPLATE ${template} ${strategy}`);
  project.provide('nodeUrls', []);
  return async () => {
    await query(`DROP DATABASE ${template}`);
    await stop();
  };
}

/** The whole environment of a server is looked at; of its keys nothing is written. */
function migrating(): Record<string, string | undefined> {
  return {
    PATH: process.env['PATH'],
    KEY_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    ADMIN_TOKEN: 'of-no-use-to-anybody',
  };
}

/** The same on the cluster that `CITUS_URL` names: any database of its coordinator, whose role may do everything there. */
async function distributed(
  project: TestProject,
  citusUrl: string,
  template: string,
): Promise<() => Promise<void>> {
  const nodeUrls = await nodesOf(citusUrl);
  await makeDistributedTemplate(nodeUrls, template, CLI, migrating());
  project.provide('serverUrl', nodeUrls[0] ?? '');
  project.provide('copyOptions', `TEMPLATE ${template} STRATEGY file_copy`);
  project.provide('nodeUrls', nodeUrls);
  return async () => {
    for (const url of nodeUrls) {
      await withClient(url, (client) => client.query(`DROP DATABASE ${template} WITH (FORCE)`));
    }
  };
}

interface Server {
  readonly url: string;
  readonly stop: () => Promise<void>;
  /** How it copies a database best. */
  readonly strategy: string;
}

async function startServer(): Promise<Server> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined) return { url: given, stop: () => Promise.resolve(), strategy: '' };
  const dataDir = await mkdtemp(join(tmpdir(), 'mandate-test-'));
  const server = await startEmbeddedPostgres({
    dataDir,
    log: () => {},
    settings: {
      max_connections: '800',
      // Tests kill processes, never the machine, so what was written is there without waiting for the disk.
      fsync: 'off',
      full_page_writes: 'off',
      // There is a database for every few tests, which is of no use by the time that it would be looked after.
      autovacuum: 'off',
    },
  });
  // A password is proved for every connection, thousands of times; that it takes a while is of no use here.
  const { password } = new URL(server.url);
  await withClient(server.url, async (client) => {
    await client.query('SET scram_iterations = 1');
    await client.query(`ALTER ROLE CURRENT_USER PASSWORD ${client.escapeLiteral(password)}`);
  });
  return {
    url: server.url,
    // File by file, and not by its log as well: quick where nothing waits for the disk.
    strategy: 'STRATEGY file_copy',
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
