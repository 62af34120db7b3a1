import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { MOST_LINE_BYTES, NoBundle } from './bundle-lines.js';

const NEWLINE = 0x0a;
const GZIP = [0x1f, 0x8b];

/**
 * The lines of a bundle in a file, which may be compressed by gzip, without their newlines. At most one line and what is read
 * at once are in memory, however long the file is.
 *
 * @throws {NoBundle} for what is no text of lines that are short enough
 * @throws the system's error if it cannot be read
 */
export async function* readBundleFile(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let parts: Buffer[] = [];
  let bytes = 0;
  let number = 1;
  const decode = (line: Buffer): string => {
    try {
      return decoder.decode(line);
    } catch {
      throw new NoBundle(`line ${number}: it is not UTF-8`);
    }
  };
  for await (const chunk of unpacked(path)) {
    let at = 0;
    for (let next = chunk.indexOf(NEWLINE); next >= 0; next = chunk.indexOf(NEWLINE, at)) {
      if (bytes + next - at > MOST_LINE_BYTES) throw tooLong(number);
      yield decode(Buffer.concat([...parts, chunk.subarray(at, next)]));
      [parts, bytes, at] = [[], 0, next + 1];
      number += 1;
    }
    // A copy: the chunk may be filled again.
    if (at < chunk.length) parts.push(Buffer.from(chunk.subarray(at)));
    bytes += chunk.length - at;
    if (bytes > MOST_LINE_BYTES) throw tooLong(number);
  }
  if (bytes > 0) throw new NoBundle(`line ${number}: it is cut off`);
}

function tooLong(number: number): NoBundle {
  return new NoBundle(`line ${number}: it is longer than ${MOST_LINE_BYTES} bytes`);
}

async function* unpacked(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path);
  try {
    const chunks = file[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const first = await chunks.next();
    if (first.done === true) return;
    const isPacked = GZIP.every((byte, place) => first.value[place] === byte);
    if (!isPacked) {
      yield first.value;
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
        yield next.value;
      }
      return;
    }
    yield* gunzip(first.value, chunks);
  } finally {
    file.destroy();
  }
}

/** @throws {NoBundle} if it is not what it begins like */
async function* gunzip(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  const gunzipped = createGunzip();
  let failure: unknown;
  const feed = async (): Promise<void> => {
    let next: IteratorResult<Buffer> = { value: first };
    for (; next.done !== true; next = await rest.next()) {
      if (gunzipped.destroyed) return;
      if (!gunzipped.write(next.value)) {
        await new Promise<void>((resolve) => {
          gunzipped.once('drain', resolve).once('close', resolve);
        });
      }
    }
    gunzipped.end();
  };
  const fed = feed().catch((error: unknown) => {
    failure = error;
    gunzipped.destroy();
  });
  try {
    const chunks: AsyncIterable<Buffer> = gunzipped;
    for await (const chunk of chunks) yield chunk;
    await fed;
  } catch (error) {
    throw (
      failure ??
      new NoBundle(`it is not a whole gzip file: ${String(Reflect.get(Object(error), 'code'))}`)
    );
  } finally {
    gunzipped.destroy();
  }
  if (failure !== undefined) throw failure;
}
