import { readFile } from 'node:fs/promises';
import type { VaultTransit } from '../platform/config/key-custody.js';
import {
  CustodyUnavailable,
  DATA_KEY_BYTES,
  SealBroken,
  type KeyEncryption,
} from './key-encryption.js';
import { activeTrace, inSpan, SpanKind, type RecordedSpan } from '../platform/tracing/spans.js';
import { traceHeaders } from '../platform/tracing/trace-context.js';

/** Milliseconds that a call may take: our caller has to be answered within two seconds. */
const TIMEOUT_MS = 1_000;
/** The most bytes of an answer; Vault's have a few hundred. */
const MAX_ANSWER_BYTES = 16_384;

/**
 * The messages of the engine for a ciphertext that is itself wrong. Some versions send them with status
 * 500, so the status alone does not distinguish them from a fault.
 */
const BROKEN = /message authentication failed|invalid ciphertext/;

/**
 * A key-encryption key in Vault or OpenBao (transit secrets engine, `/encrypt` and `/decrypt` with
 * `associated_data`). Its key may be rotated there at any time: ciphertexts name their version.
 */
export class VaultKeyEncryption implements KeyEncryption {
  readonly id: string;

  constructor(private readonly transit: VaultTransit) {
    this.id = `vault:${transit.mount}/${transit.key}`;
  }

  /** @throws {CustodyUnavailable} */
  async wrap(dataKey: Buffer, associatedData: Buffer): Promise<Buffer> {
    const answer = await this.call('encrypt', {
      plaintext: dataKey.toString('base64'),
      associated_data: associatedData.toString('base64'),
    });
    const ciphertext = textIn(answer, 'ciphertext');
    if (ciphertext === null) throw new CustodyUnavailable('the KMS gave no ciphertext');
    return Buffer.from(ciphertext, 'latin1');
  }

  /**
   * @throws {SealBroken}
   * @throws {CustodyUnavailable}
   */
  async unwrap(wrapped: Buffer, associatedData: Buffer): Promise<Buffer> {
    const ciphertext = wrapped.toString('latin1');
    // Anything else was not made by the engine, which would refuse it.
    if (!/^vault:v[0-9]+:[A-Za-z0-9+/]+={0,2}$/.test(ciphertext)) {
      throw new SealBroken('not a data key that the KMS wrapped');
    }
    const answer = await this.call('decrypt', {
      ciphertext,
      associated_data: associatedData.toString('base64'),
    });
    const dataKey = Buffer.from(textIn(answer, 'plaintext') ?? '', 'base64');
    if (dataKey.length !== DATA_KEY_BYTES) throw new SealBroken('the KMS gave no data key of ours');
    return dataKey;
  }

  private call(operation: 'encrypt' | 'decrypt', body: object): Promise<unknown> {
    const { hostname } = new URL(this.transit.address);
    const attributes = { 'http.request.method': 'POST', 'server.address': hostname };
    return inSpan(
      'POST',
      (span) => this.callIn(operation, body, span),
      attributes,
      SpanKind.CLIENT,
    );
  }

  private async callIn(
    operation: 'encrypt' | 'decrypt',
    body: object,
    span: RecordedSpan | null,
  ): Promise<unknown> {
    const { address, mount, key } = this.transit;
    const token = await this.token();
    let status: number;
    let text: string;
    try {
      const response = await fetch(`${address}/v1/${mount}/${operation}/${key}`, {
        method: 'POST',
        headers: {
          'X-Vault-Token': token,
          'X-Vault-Request': 'true',
          'Content-Type': 'application/json',
          ...traceHeaders(activeTrace()),
        },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      ({ status } = response);
      span?.set({ 'http.response.status_code': status });
      text = await readLimited(response);
    } catch (cause) {
      throw new CustodyUnavailable('the KMS does not answer', cause);
    }
    if (status === 200) return dataOf(text);
    if (operation === 'decrypt' && (status === 400 || status === 500) && BROKEN.test(text)) {
      throw new SealBroken('the KMS does not unwrap the data key');
    }
    // 403 as well: an expired token is renewed by others, and then it works again.
    throw new CustodyUnavailable(`the KMS answered ${status} to ${operation}`);
  }

  private async token(): Promise<string> {
    try {
      return (await readFile(this.transit.tokenFile, 'utf8')).trim();
    } catch (cause) {
      throw new CustodyUnavailable('the token for the KMS cannot be read', cause);
    }
  }
}

async function readLimited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('too large an answer');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function dataOf(text: string): unknown {
  try {
    return Reflect.get(Object(JSON.parse(text)), 'data');
  } catch (cause) {
    throw new CustodyUnavailable('the KMS answered something else than JSON', cause);
  }
}

function textIn(data: unknown, name: string): string | null {
  const value: unknown = Reflect.get(Object(data), name);
  return typeof value === 'string' ? value : null;
}
