import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JWK } from 'jose';
import { LRUCache } from 'lru-cache';
import { atMost } from '../../platform/at-most.js';
import { writePrivate } from '../../platform/config/private-file.js';
import { openSealed, type KeyEncryptions } from '../../sealing/key-encryptions.js';
import { newSigningKeyPair, signWith, type Sign } from '../signing/key-pair.js';
import { seal } from '../../sealing/seal.js';
import type { ZoneAlg } from '../../oauth/algorithms.js';
import { SignerRefusal, type KeyStore } from './key-store.js';

/** The most keys that are kept open. */
const MAX_OPEN = 10_000;

/** An RFC 7638 thumbprint: the handle of a key and the name of its file. Nothing else becomes part of a path. */
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

/**
 * Keys in files, one each, with zone, algorithm and the sealed private key. The seal is bound to zone,
 * thumbprint and algorithm, so files cannot be exchanged.
 */
export class FileKeys implements KeyStore {
  private readonly open = new LRUCache<string, Promise<Sign>>(atMost(MAX_OPEN));

  constructor(
    private readonly directory: string,
    private readonly keks: KeyEncryptions,
  ) {}

  async newKey(zone: string, alg: ZoneAlg): Promise<{ handle: string; publicJwk: JWK }> {
    const { kid, publicJwk, privateKey } = await newSigningKeyPair(alg);
    try {
      const sealed = await seal(this.keks.sealing, contextOf(zone, kid, alg), privateKey);
      await mkdir(this.directory, { recursive: true, mode: 0o700 });
      const content = { zone, alg, sealed: sealed.toString('base64') };
      await writePrivate(this.pathOf(kid), `${JSON.stringify(content)}\n`);
      return { handle: kid, publicJwk };
    } finally {
      privateKey.fill(0);
    }
  }

  async sign(
    { zone, handle, alg }: { zone: string; handle: string; alg: ZoneAlg },
    data: Buffer,
  ): Promise<Uint8Array> {
    if (!THUMBPRINT.test(handle)) throw new SignerRefusal('unknown_key');
    const name = `${zone}/${handle}/${alg}`;
    let sign = this.open.get(name);
    if (sign === undefined) {
      sign = this.read(zone, handle, alg);
      this.open.set(name, sign);
      // A failure is not cached.
      sign.catch(() => this.open.delete(name));
    }
    return (await sign)(data);
  }

  private async read(zone: string, kid: string, alg: ZoneAlg): Promise<Sign> {
    const text = await readFile(this.pathOf(kid), 'utf8').catch(() => null);
    if (text === null) throw new SignerRefusal('unknown_key');
    const content: Record<string, unknown> = { ...Object(JSON.parse(text)) };
    if (content['zone'] !== zone || content['alg'] !== alg) throw new SignerRefusal('unknown_key');
    const sealed = Buffer.from(String(content['sealed']), 'base64');
    const privateKey = await openSealed(this.keks, contextOf(zone, kid, alg), sealed);
    return signWith(privateKey, alg);
  }

  private pathOf(kid: string): string {
    return join(this.directory, `${kid}.json`);
  }
}

function contextOf(zoneId: string, kid: string, alg: ZoneAlg) {
  return { purpose: 'signing-key', zoneId, id: `${kid}.${alg}` } as const;
}
