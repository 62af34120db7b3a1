import type { IncomingMessage } from 'node:http';
import { InvalidJson, isJsonObject, readStrictJson } from '../../oauth/strict-json.js';

/** The most bytes of an answer that are read: what is wrong is said in fewer. */
const MAX_BYTES = 8_192;
/** Characters of that which are kept. */
const MAX_LENGTH = 300;

/** What a receiver says to a push (RFC 8935 2.2, 2.3). */
export type PushAnswer = 'received' | { readonly kind: 'refused' | 'failed'; readonly why: string };

/** Reads the answer of a receiver to a push. Of one that is not what is to be sent, only the status is told. */
export async function readPushAnswer(response: IncomingMessage): Promise<PushAnswer> {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return 'received';
  const answered = `the answer was ${status}`;
  if (status !== 400) return { kind: 'failed', why: answered };
  return { kind: 'refused', why: (await saidBy(response)) ?? answered };
}

async function saidBy(response: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!(chunk instanceof Buffer)) return null;
    size += chunk.length;
    if (size > MAX_BYTES) return null;
    chunks.push(chunk);
  }
  try {
    const said = readStrictJson(Buffer.concat(chunks).toString('utf8'));
    if (!isJsonObject(said)) return null;
    const told = [said['err'], said['description']].filter((one) => typeof one === 'string');
    return told.length === 0 ? null : told.join(': ').slice(0, MAX_LENGTH);
  } catch (error) {
    if (error instanceof InvalidJson) return null;
    throw error;
  }
}
