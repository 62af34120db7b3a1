import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.js';
import { startReplica, type Replica } from './harness.js';

/** The repository, in which what the README shows is run. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A server as `npm start` makes it, with its demo zone. */
export interface Newcomers {
  readonly replica: Replica;
  /** Where it says that it is. */
  readonly url: string;
  readonly dataDir: string;
  stop(): Promise<void>;
}

/** Starts a server as `npm start` does it, except for the port and the directory, which others may be using. */
export async function startForNewcomers(): Promise<Newcomers> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mandate-readme-'));
  const remove = () => rm(dataDir, { recursive: true, force: true });
  const port = await freePort();
  try {
    const replica = await startReplica({
      databaseUrl: '',
      env: {
        KEY_ENCRYPTION_KEY: '',
        ADMIN_TOKEN: '',
        DATA_DIR: dataDir,
        // What is found where follows from this alone.
        PORT: String(port),
      },
    });
    return {
      replica,
      url: `http://localhost:${port}`,
      dataDir,
      async stop() {
        await replica.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The `sh` blocks of one section of the README, in order. */
export function blocksOf(section: string): string[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const text = readme.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
}

/** The line that the first start prints, which asks for a first mandate. */
export function firstLineOf(replica: Replica): string | undefined {
  return replica.logs().find((text) => text.trim().startsWith('curl '));
}
