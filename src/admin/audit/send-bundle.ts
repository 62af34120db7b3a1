import type { ServerResponse } from 'node:http';
import { sendParts, type SendPorts } from './send-parts.js';

/** Characters that a part has, about. */
const PART = 256 * 1_024;

/**
 * Sends a bundle, whose lines are read as its reader takes them (`sendParts`). The last line of one that is broken off is of no
 * kind that bundles have: no verifier takes it for whole.
 *
 * @returns when it has ended; the response is over then
 */
export async function sendBundle(
  response: ServerResponse,
  zone: string,
  lines: AsyncIterable<string>,
  ports: SendPorts,
): Promise<void> {
  const answer = {
    type: 'application/x-ndjson',
    fileName: `audit-${zone}.ndjson`,
    parts: inParts(lines),
    broken: ({ code, message }: { readonly code: string; readonly message: string }) =>
      `${JSON.stringify({ incomplete: true, error: code, error_description: message })}\n`,
  };
  await sendParts(response, answer, ports);
}

async function* inParts(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let text = '';
  for await (const line of lines) {
    text += line;
    if (text.length < PART) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}
