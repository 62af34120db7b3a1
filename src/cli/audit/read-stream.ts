import type { JsonObject } from '../../oauth/strict-json.js';
import { isObject } from '../api/json.js';

/** A message of a stream (WHATWG HTML 9.2). */
export interface StreamMessage {
  /** What to go on from; empty if it says none. */
  readonly id: string;
  /** `message` unless it says otherwise. */
  readonly event: string;
  readonly data: JsonObject;
}

/** The messages of a stream as they come. @throws if the connection breaks */
export async function* messagesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamMessage> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const message = messageIn(block);
      if (message !== null) yield message;
    }
  }
}

function messageIn(block: string): StreamMessage | null {
  const fields = new Map(
    block.split('\n').map((line) => {
      const at = line.indexOf(': ');
      return [line.slice(0, at), line.slice(at + 2)] as const;
    }),
  );
  const data: unknown = JSON.parse(fields.get('data') ?? 'null');
  if (!isObject(data)) return null;
  return { id: fields.get('id') ?? '', event: fields.get('event') ?? 'message', data };
}
