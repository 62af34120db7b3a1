import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonOf, runCli, startCli, type Run } from './cli.js';
import { KEY_ENCRYPTION_KEY, startReplica, type Replica } from './harness.js';

/** An installation of its own, with a database and a key-encryption key that no other one has. */
export interface Installation {
  readonly replica: Replica;
  readonly issuerUrl: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs a command on its database. */
  cli(...args: readonly string[]): Promise<Run>;
  /** Starts one in a process of its own, to be killed. */
  start(...args: readonly string[]): ReturnType<typeof startCli>;
}

/** Starts an installation. */
export async function startInstallation(name: string): Promise<Installation> {
  const issuerUrl = `http://sts-${name}.localhost:8080`;
  const kek =
    name === 'a' ? KEY_ENCRYPTION_KEY : createHash('sha256').update(`kek ${name}`).digest('hex');
  const own = { ISSUER_URL: issuerUrl, KEY_ENCRYPTION_KEY: kek };
  const replica = await startReplica({ env: own });
  const env = { ...own, DATABASE_URL: replica.databaseUrl };
  return {
    replica,
    issuerUrl,
    env,
    cli: (...args) => runCli(args, env),
    start: (...args) => startCli(args, env),
  };
}

/** A file that there is not yet. */
export function newFile(): string {
  return join(mkdtempSync(join(tmpdir(), 'mandate-move-')), randomUUID());
}

/** A key of the installation that is to receive a zone. */
export async function keyOf(at: Installation): Promise<string> {
  return String(jsonOf(await at.cli('zones', 'receive', '--key', '--json'))['key']);
}
