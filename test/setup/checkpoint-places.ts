import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseCheckpoint, type Checkpoint } from '../../src/transparency-log/checkpoint.js';
import {
  formatVkey,
  noteKey,
  noteSigner,
  SIGNATURE_TYPES,
} from '../../src/transparency-log/note-key.js';
import { formatSignature, parseNote } from '../../src/transparency-log/signed-note.js';
import { isConsistent } from '../../src/transparency-log/verify-proof.js';

type Answer = readonly [status: number, body?: string];

/** A server on a free port of this machine, which answers what it is asked, or never while it is silent. */
abstract class Listening {
  isSilent = false;
  private server: Server | null = null;

  protected abstract answer(request: IncomingMessage, body: string): Answer;

  async listen(): Promise<string> {
    const server = createServer((request, response) => {
      // Whoever asks may end in the middle of that.
      this.serve(request, response).catch(() => response.destroy());
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) =>
      this.server === null ? resolve(null) : this.server.close(resolve),
    );
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.isSilent) return;
    const [status, body = ''] = this.answer(request, Buffer.concat(chunks).toString());
    response.writeHead(status).end(body);
  }
}

/** Storage that speaks as much of S3 as is needed, and verifies who asks (AWS Signature Version 4). */
export class TestStorage extends Listening {
  readonly keyId = 'AKIATEST';
  readonly keySecret = randomBytes(20).toString('hex');
  readonly objects = new Map<string, string>();
  /** Whoever asked without a right signature. */
  strangers = 0;

  protected answer(request: IncomingMessage, body: string): Answer {
    const url = new URL(request.url ?? '', 'http://storage');
    if (!this.isSigned(request, url, body)) {
      this.strangers += 1;
      return [403];
    }
    const key = url.pathname.replace('/bucket/', '');
    if (request.method === 'PUT') {
      if (request.headers['if-none-match'] !== '*') return [400];
      if (this.objects.has(key)) return [412];
      this.objects.set(key, body);
      return [200];
    }
    if (url.searchParams.get('list-type') !== '2') {
      const found = this.objects.get(key);
      return found === undefined ? [404] : [200, found];
    }
    const keys = [...this.objects.keys()]
      .filter((name) => name.startsWith(url.searchParams.get('prefix') ?? ''))
      .toSorted()
      .slice(0, Number(url.searchParams.get('max-keys')));
    const contents = keys.map((name) => `<Contents><Key>${name}</Key></Contents>`).join('');
    return [200, `<?xml version="1.0"?><ListBucketResult>${contents}</ListBucketResult>`];
  }

  private isSigned({ method, headers }: IncomingMessage, url: URL, body: string): boolean {
    const given =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(
        headers.authorization ?? '',
      );
    const [, keyId, scope = '', names = '', signature] = given ?? [];
    const digest = (text: string) => createHash('sha256').update(text).digest('hex');
    if (headers['x-amz-content-sha256'] !== digest(body)) return false;
    const canonical = [
      method,
      url.pathname,
      [...url.searchParams]
        .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
        .toSorted()
        .join('&'),
      ...names.split(';').map((name) => `${name}:${String(headers[name]).trim()}`),
      '',
      names,
      digest(body),
    ].join('\n');
    const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, digest(canonical)].join('\n');
    const key = scope
      .split('/')
      .reduce<Buffer>(
        (last, part) => createHmac('sha256', last).update(part).digest(),
        Buffer.from(`AWS4${this.keySecret}`),
      );
    return (
      keyId === this.keyId && createHmac('sha256', key).update(text).digest('hex') === signature
    );
  }
}

/** A witness as C2SP tlog-witness has it, which takes whichever log it sees first for the one that it knows. */
export class TestWitness extends Listening {
  private readonly seed = randomBytes(32);
  private readonly signer = noteSigner('witness.example/w', this.seed);
  readonly key = noteKey(
    'witness.example/w',
    this.signer.key.publicKey,
    SIGNATURE_TYPES.ed25519Cosignature,
  );
  readonly vkey = formatVkey(this.key);
  /** What it has cosigned last. */
  last: Checkpoint | null = null;

  protected answer(_request: IncomingMessage, body: string): Answer {
    const split = body.indexOf('\n\n');
    const [old = '', ...proof] = body.slice(0, split).split('\n');
    const text = parseNote(body.slice(split + 2))?.text ?? '';
    const checkpoint = parseCheckpoint(text);
    const from = Number(/^old (\d+)$/.exec(old)?.[1]);
    if (checkpoint === null || !(from <= checkpoint.size)) return [400];
    const size = this.last?.size ?? 0;
    if (from !== size) return [409, `${size}\n`];
    const hashes = proof.map((line) => Buffer.from(line, 'base64'));
    if (this.last !== null && !isConsistent(this.last, checkpoint, hashes)) {
      return from === checkpoint.size ? [409, `${size}\n`] : [422];
    }
    this.last = checkpoint;
    const time = BigInt(Math.floor(Date.now() / 1_000));
    const seconds = Buffer.alloc(8);
    seconds.writeBigUInt64BE(time);
    const signed = this.signer.sign(`cosignature/v1\ntime ${time}\n${text}`);
    const { name, id } = this.key;
    return [200, formatSignature({ name, keyId: id, signature: Buffer.concat([seconds, signed]) })];
  }
}
