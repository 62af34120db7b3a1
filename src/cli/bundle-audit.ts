import { open, rename, rm } from 'node:fs/promises';
import { BundleRows } from '../evidence/bundle/bundle-rows.js';
import { writeBundle } from '../evidence/bundle/write-bundle.js';
import type { KeptCheckpoint } from '../audit/verify/kept-checkpoint.js';
import { CommandFailure } from './failure.js';
import { EXIT, type CommandResult } from './command-result.js';
import { readCheckpointFile } from './read-checkpoint-file.js';
import { readingDatabase } from './reading-database.js';

/** What `audit bundle` is asked for. */
export interface BundleAudit {
  readonly zoneId: string;
  readonly output: string;
  /** RFC 3339. */
  readonly from: string | null;
  readonly to: string | null;
  /** Files with checkpoints that were kept elsewhere, with which the bundle is to be compared. */
  readonly checkpoints: readonly string[];
}

/**
 * `mandate audit bundle`: writes the events of a zone, with what proves that they are what was recorded, to a file that there is
 * not yet. A file that could not be written to its end is removed.
 *
 * @throws {CommandFailure} if there is such a file, or nothing is sealed yet
 */
export async function bundleAudit(asked: BundleAudit): Promise<CommandResult> {
  const { zoneId, output, from, to } = asked;
  const kept: KeptCheckpoint[] = [];
  for (const path of asked.checkpoints) kept.push(...(await readCheckpointFile(path, null)));
  const bytes = await readingDatabase(async (client) => {
    const rows = new BundleRows(
      {
        query: async <T>(sql: string, values: unknown[] = []) =>
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as the statement says
          (await client.query(sql, values)).rows as T,
      },
      zoneId,
    );
    const names = await rows.origins();
    const lines = await writeBundle(rows, {
      ...(from === null ? {} : { from }),
      ...(to === null ? {} : { to }),
      zoneSizes: sizesOf(kept, names?.origin),
      sizes: sizesOf(kept, names?.log),
    });
    if (lines !== null) return write(lines, output);
    const why = 'nothing of this zone is in a signed checkpoint yet';
    throw new CommandFailure(EXIT.missing, why);
  });
  const size = `${(bytes / 1_024 / 1_024).toFixed(1)} MiB`;
  return { code: EXIT.done, lines: [`${output}: ${size}`], json: { output, bytes } };
}

/** The sizes of a log in the checkpoints that were kept of it. */
function sizesOf(kept: readonly KeptCheckpoint[], origin: string | undefined): number[] {
  return kept.filter((one) => one.checkpoint.origin === origin).map((one) => one.checkpoint.size);
}

/** How many characters are written at once, about. */
const AT_ONCE = 256 * 1024;

async function write(lines: AsyncIterable<string>, output: string): Promise<number> {
  let file;
  try {
    file = await open(output, 'wx', 0o600);
    await file.close();
    file = await open(`${output}.part`, 'wx', 0o600);
  } catch (cause) {
    if (file !== undefined) await rm(output, { force: true });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandFailure(EXIT.usage, `${output} cannot be made: ${why}`, null, { cause });
  }
  let [text, bytes] = ['', 0];
  const flush = async (): Promise<void> => {
    bytes += Buffer.byteLength(text);
    await file.appendFile(text);
    text = '';
  };
  try {
    for await (const line of lines) {
      text += line;
      if (text.length >= AT_ONCE) await flush();
    }
    await flush();
    await file.close();
    await rename(`${output}.part`, output);
    return bytes;
  } catch (error) {
    await file.close().catch(() => {});
    await rm(`${output}.part`, { force: true });
    await rm(output, { force: true });
    throw error;
  }
}
