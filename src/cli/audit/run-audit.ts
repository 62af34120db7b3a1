import { access, open, rename, rm, type FileHandle } from 'node:fs/promises';
import type { JsonObject } from '../../oauth/strict-json.js';
import { textOf } from '../api/json.js';
import { Refusal } from '../api/refusal.js';
import type { CommandContext } from '../context.js';
import { CommandFailure } from '../failure.js';
import { EXIT } from '../command-result.js';
import { printItems, type Column } from '../print/things.js';
import { progressAt } from '../progress.js';
import {
  AUDIT_COLUMNS,
  AUDIT_COLUMNS_OF_ZONES,
  AUDIT_FILTERS,
  AUDIT_TIMES,
  parametersOf,
} from './audit-noun.js';
import { messagesOf } from './read-stream.js';

/** What an `audit` command line says. */
export type AuditSaid = Readonly<Record<string, unknown>> & {
  readonly allZones?: true;
  readonly limit?: number;
  readonly format?: string;
  readonly output?: string;
};

/** Lists what was recorded, the newest first. */
export async function listAudit(context: CommandContext, said: AuditSaid): Promise<void> {
  const query = parametersOf([...AUDIT_FILTERS, ...AUDIT_TIMES], said);
  const path = await pathOf(context, said);
  const { limit } = said;
  const pages = context.api.pages(path, {
    ...query,
    ...(limit !== undefined && limit < PAGE ? { limit: String(limit) } : {}),
  });
  await printItems(context, limit === undefined ? pages : firstOf(pages, limit), columnsFor(said));
}

/** Exports what was recorded, to a file that there is not yet, or to the standard output. */
export async function exportAudit(context: CommandContext, said: AuditSaid): Promise<void> {
  const query = parametersOf([...AUDIT_FILTERS, ...AUDIT_TIMES], said);
  const path = `${await pathOf(context, said)}/export`;
  const { output, format = 'ndjson' } = said;
  const asked = { ...query, format };
  const progress = progressAt(context.terminal);
  let bytes = 0;
  const count = (text: string): void => {
    bytes += Buffer.byteLength(text);
    progress(() => `${mebibytes(bytes)} so far`);
  };
  if (output === undefined) {
    const { terminal } = context;
    await write(await context.api.open(path, asked), format, async (text) => {
      await terminal.print(text);
      // On the terminal itself one sees how far it is.
      if (terminal.width === null) count(text);
    });
    return;
  }
  // What is not whole does not look as if it were, whatever ends this process.
  const part = `${output}.part`;
  const file = await create(output, part);
  try {
    await write(await context.api.open(path, asked), format, async (text) => {
      await file.appendFile(text);
      count(text);
    });
    await file.close();
    await rename(part, output);
    context.say(`${output}: ${mebibytes(bytes)}`);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(part, { force: true });
    throw error;
  }
}

/** Prints what is recorded as it comes, and goes on where it was when the connection breaks. */
export async function tailAudit(context: CommandContext, said: AuditSaid): Promise<void> {
  const path = `${await pathOf(context, said)}/stream`;
  const query = parametersOf(AUDIT_FILTERS, said);
  const { limit = Number.POSITIVE_INFINITY } = said;
  await printItems(context, firstOf(followed(context, path, query), limit), columnsFor(said));
}

/** How many rows of a list the server shows at once, at most. */
const PAGE = 500;
/** Seconds after which a stream that broke is asked for again: the first, and the last, which stays. */
const AGAIN_SECONDS = 1;
const LATEST_SECONDS = 15;

async function pathOf(context: CommandContext, { allZones }: AuditSaid): Promise<string> {
  return allZones === true ? 'audit' : `zones/${await context.zone()}/audit`;
}

function columnsFor({ allZones }: AuditSaid): readonly Column[] {
  return allZones === true ? AUDIT_COLUMNS_OF_ZONES : AUDIT_COLUMNS;
}

async function* firstOf(
  pages: AsyncIterable<readonly JsonObject[]>,
  limit: number,
): AsyncGenerator<readonly JsonObject[]> {
  let left = limit;
  for await (const page of pages) {
    yield page.slice(0, left);
    left -= page.length;
    if (left <= 0) return;
  }
}

/** Passes on what comes. @throws {CommandFailure} if it is not whole */
async function write(
  body: ReadableStream<Uint8Array>,
  format: string,
  pass: (text: string) => Promise<void>,
): Promise<void> {
  const decoder = new TextDecoder();
  let end = '\n';
  try {
    for await (const chunk of body) {
      const text = decoder.decode(chunk, { stream: true });
      end = (end + text).slice(-LAST_LINE);
      await pass(text);
    }
  } catch (cause) {
    // An error of a file, or that nobody reads any more, is another matter.
    if (cause instanceof Error && typeof Reflect.get(cause, 'syscall') === 'string') throw cause;
    throw brokenOff(incompleteIn(end, format) ?? 'the connection was lost', cause);
  }
  // Some proxies end an answer properly that was broken off.
  const why = incompleteIn(end, format);
  if (why !== null) throw brokenOff(why);
}

/** How much of the end of an export is kept, to see what it says. */
const LAST_LINE = 1_000;

/** What the last line of an export says that has not come to its end; `null` if it is a line like all others. */
function incompleteIn(end: string, format: string): string | null {
  const text = end.trimEnd();
  const at = text.lastIndexOf('\n');
  const line = text.slice(at + 1);
  const begins = format === 'ndjson' ? '{"incomplete":true,' : '"INCOMPLETE",';
  if (at < 0 || !line.startsWith(begins)) return null;
  return format === 'ndjson' ? line : line.replaceAll('","', ' ').replaceAll('"', '');
}

function brokenOff(why: string, cause?: unknown): CommandFailure {
  const hint = 'ask for it again, or for less at a time by --from and --to';
  return new CommandFailure(EXIT.impossible, `the export broke off: ${why}`, hint, { cause });
}

/** Makes the file that is written, if there is none yet of the name that it gets when it is whole. */
async function create(output: string, part: string): Promise<FileHandle> {
  const isThere = await access(output).then(
    () => true,
    () => false,
  );
  if (isThere) throw new CommandFailure(EXIT.usage, `${output} is there already`);
  try {
    return await open(part, 'wx', 0o600);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandFailure(EXIT.usage, `${part} cannot be made: ${why}`, null, { cause });
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_024 / 1_024).toFixed(1)} MiB`;
}

/** The events of a stream, one after the other, however often it has to be asked for. */
async function* followed(
  context: CommandContext,
  path: string,
  query: Readonly<Record<string, string>>,
): AsyncGenerator<readonly JsonObject[]> {
  let lastId = '';
  let wait = AGAIN_SECONDS;
  for (;;) {
    let why = 'the stream has ended';
    try {
      const headers = lastId === '' ? {} : { 'Last-Event-ID': lastId };
      const body = await context.api.open(path, query, { Accept: 'text/event-stream', ...headers });
      for await (const { id, event, data } of messagesOf(body)) {
        if (event === 'error') {
          why = refuse(data);
          continue;
        }
        if (event === 'message') yield [data];
        if (id !== '') lastId = id;
        wait = AGAIN_SECONDS;
      }
    } catch (error) {
      // Before anything came, and for what does not go away, nobody is kept waiting.
      const passes = !(error instanceof Refusal) || error.code === EXIT.impossible;
      if (lastId === '' || !passes) throw error;
      if (
        error instanceof CommandFailure &&
        !(error instanceof Refusal) &&
        error.code !== EXIT.impossible
      )
        throw error;
      why = error instanceof Error ? error.message : String(error);
    }
    context.say(`${why}: asked for again in ${wait} s`);
    await context.pause(wait);
    wait = Math.min(LATEST_SECONDS, wait * 2);
  }
}

/** Why a stream has ended, if it is worth to ask for it again. @throws {CommandFailure} if it is not */
function refuse(data: JsonObject): string {
  const [code, text] = [textOf(data, 'error'), textOf(data, 'error_description')];
  if (code === 'temporarily_unavailable') return text;
  throw new CommandFailure(code === 'access_denied' ? EXIT.refused : EXIT.invalid, text);
}
