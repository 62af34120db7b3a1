import { createHash } from 'node:crypto';
import type { S3Storage } from '../../platform/config/checkpoint-places.js';
import { readBytes } from '../../platform/outbound/guarded-fetch.js';
import { guardedRequest } from '../../platform/outbound/guarded-request.js';
import type { FetchRules } from '../../platform/outbound/fetch-rules.js';
import {
  Forked,
  isSameCheckpoint,
  PlaceUnusable,
  readHeld,
  type CheckpointPlace,
  type HeldCheckpoint,
  type PutCosignature,
  type SignedNow,
} from './checkpoint-place.js';

const TIMEOUT_MS = 5_000;
const MOST_BYTES = 65_536;
const KEYS = /<Key>([^<]*)<\/Key>/g;
const NAME = /(?:^|\/)([0-9]{16})-([0-9]{1,16})\.note$/;

/** What a checkpoint of a size is called: storage lists names in their order, and so the newest first. */
export function objectName(size: number): string {
  return `${String(Number.MAX_SAFE_INTEGER - size).padStart(16, '0')}-${size}.note`;
}

interface Answered {
  readonly status: number;
  readonly body: string;
}

/**
 * Storage that speaks S3. An object is written only if there is none of its name (`If-None-Match`), and what is there is never
 * asked to be changed.
 */
export class S3Place implements CheckpointPlace {
  readonly name = 's3';
  private readonly bucket: string;
  private readonly prefix: string;

  constructor(
    private readonly storage: S3Storage,
    private readonly rules: FetchRules,
  ) {
    const url = new URL(storage.url);
    const [bucket = '', ...folders] = url.pathname.slice(1).split('/');
    this.bucket = `${url.origin}/${bucket}`;
    this.prefix = folders.map((folder) => `${folder}/`).join('');
  }

  async newest(origin: string): Promise<HeldCheckpoint | null> {
    const query = new URLSearchParams({ 'list-type': '2', 'max-keys': '1', prefix: this.prefix });
    const { status, body } = await this.ask('GET', `?${query.toString()}`);
    if (status !== 200) throw new PlaceUnusable(`listing was answered with ${status}`);
    const [key] = [...body.matchAll(KEYS)].map(([, name = '']) => name);
    if (key === undefined) return null;
    const name = NAME.exec(key)?.[0].replace(/^\//, '');
    if (name === undefined) throw new PlaceUnusable('there is something else');
    const held = readHeld(await this.read(name), origin);
    if (objectName(held.size) !== name) throw new PlaceUnusable('an object has another name');
    return held;
  }

  async put(ours: SignedNow): Promise<readonly PutCosignature[]> {
    const { size, note } = ours;
    const name = objectName(size);
    const { status } = await this.ask('PUT', `/${this.prefix}${name}`, note);
    if (status === 200 || status === 204) return [];
    // Somebody else was there before: a twin, or this one when its answer was lost.
    if (status !== 412 && status !== 409) {
      throw new PlaceUnusable(`writing was answered with ${status}`);
    }
    if (!isSameCheckpoint(await this.read(name), ours)) {
      throw new Forked(`there is another checkpoint of ${size} leaves`);
    }
    return [];
  }

  private async read(name: string): Promise<string> {
    const { status, body } = await this.ask('GET', `/${this.prefix}${name}`);
    if (status !== 200) throw new PlaceUnusable(`reading was answered with ${status}`);
    return body;
  }

  private async ask(method: 'GET' | 'PUT', path: string, body?: string): Promise<Answered> {
    // Only who has such storage loads it.
    const { AwsV4Signer } = await import('aws4fetch');
    const bytes = Buffer.from(body ?? '');
    const { region, keyId, keySecret } = this.storage;
    const signer = new AwsV4Signer({
      method,
      url: `${this.bucket}${path}`,
      headers: {
        'x-amz-content-sha256': createHash('sha256').update(bytes).digest('hex'),
        ...(body === undefined ? {} : { 'content-type': 'text/plain', 'if-none-match': '*' }),
      },
      accessKeyId: keyId,
      secretAccessKey: keySecret,
      service: 's3',
      region,
    });
    const { url, headers } = await signer.sign();
    const outbound = {
      method,
      headers: { ...Object.fromEntries(headers), 'accept-encoding': 'identity' },
      ...(body === undefined ? {} : { body: bytes }),
      timeoutMs: TIMEOUT_MS,
    };
    return guardedRequest(url.href, this.rules, outbound, async (response) => ({
      status: response.statusCode ?? 0,
      body: (await readBytes(response, MOST_BYTES)).toString(),
    }));
  }
}
