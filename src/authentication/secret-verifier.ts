import { createHmac, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import { LRUCache } from 'lru-cache';
import { atMost } from '../platform/at-most.js';
import { CLOCK, type Clock } from '../platform/config/clock.js';
import { COUNTS, OwnCounts, type Counts, type Queue } from './counts.js';
import { GuessLimiter } from './guess-limiter.js';
import { networkOf } from '../platform/http/source-network.js';
import {
  digestSecret,
  digestsEqual,
  isGeneratedForm,
  MAX_LIVE_SECRETS,
  type SecretRecord,
} from '../zones/clients/secret.js';

/** Imported secrets that are compared or wait for that at once, in all workers together: one of them is compared. */
const MAX_COMPARISONS = 12;

/** argon2id with OWASP's parameters: 19 MiB, two passes, one lane. */
const ARGON2 = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/**
 * A stored hash that no secret has: random bytes stand where the hash would. To compare with it costs what it
 * costs to compare with a real one, and to make it nothing.
 */
function hashOfNone(): string {
  const { memoryCost, timeCost, parallelism } = ARGON2;
  const [salt, bytes] = [16, 32].map((length) =>
    randomBytes(length).toString('base64').replace(/=+$/, ''),
  );
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${salt}$${bytes}`;
}

/** A presented client secret: for which client, and from where. */
export interface SecretAttempt {
  /** As the caller wrote it: there may be no such client. */
  readonly clientId: string;
  readonly secret: string;
  /** Another way to read what was sent, of which one has to be right; `null` if there is none. */
  readonly rawSecret: string | null;
  /** The caller's address. */
  readonly source: string;
  /** The client's secrets; empty for an unknown or disabled client. */
  readonly secrets: readonly SecretRecord[];
  /** The zone's digest key; `null` for an unknown client. */
  readonly digestKey: Buffer | null;
}

export type SecretVerdict = 'right' | 'wrong' | 'throttled';

/**
 * Verifies client secrets.
 *
 * Which way a secret is checked depends on the form of what was presented, never on whether the
 * client exists or how its secret is stored, so the time that it takes tells nothing: a secret of
 * our own form costs one digest, any other one argon2id.
 */
@Injectable()
export class SecretVerifier {
  private readonly limiter: GuessLimiter;
  private readonly queue: Queue;
  /** Imported secrets that were right before, as keyed digests, so that they cost one digest. */
  private readonly seen = new LRUCache<string, true>(atMost(10_000));
  private readonly seenKey = randomBytes(32);
  /** What secrets of unknown clients are compared with. */
  private readonly dummyDigestKey = randomBytes(32);
  private readonly dummyHash = hashOfNone();

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(COUNTS) counts: Counts = new OwnCounts(),
  ) {
    this.limiter = new GuessLimiter(counts);
    this.queue = counts.queue('secrets', MAX_COMPARISONS);
  }

  /** Verifies a secret. Never throws for anything that a caller can present. */
  async verify(presented: SecretAttempt): Promise<SecretVerdict> {
    const attempt = { ...presented, source: networkOf(presented.source) };
    const now = this.clock.now();
    const live = attempt.secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now);
    const right = readingsOf(attempt).some(isGeneratedForm)
      ? this.matchesDigest(attempt, live)
      : await this.matchesImported(attempt, live);
    if (right === null) return 'throttled';
    if (right) return 'right';
    return (await this.limiter.countWrong(attempt.clientId, attempt.source))
      ? 'wrong'
      : 'throttled';
  }

  /** The stored hash of an imported secret, which may be guessable. */
  hashImported(secret: string): Promise<string> {
    return hash(secret, ARGON2);
  }

  private matchesDigest(attempt: SecretAttempt, live: readonly SecretRecord[]): boolean {
    const digestKey = attempt.digestKey ?? this.dummyDigestKey;
    let right = false;
    for (const reading of readingsOf(attempt)) {
      const presented = digestSecret(digestKey, attempt.clientId, reading);
      for (const { kind, verifier } of live) {
        if (kind === 'digest' && digestsEqual(presented, verifier)) right = true;
      }
    }
    return right;
  }

  private async matchesImported(
    attempt: SecretAttempt,
    live: readonly SecretRecord[],
  ): Promise<boolean | null> {
    const imported = live.filter(({ kind }) => kind === 'argon2id').map(({ verifier }) => verifier);
    const { clientId, source } = attempt;
    const readings = readingsOf(attempt);
    const wasRight = (verifier: string) =>
      readings.some((reading) => this.seen.has(this.seenId(verifier, reading)));
    if (imported.some(wasRight)) return true;
    if (!(await this.limiter.mayCompare(clientId, source))) return null;
    // A guesser can name any client, and guesses at a client can come from anywhere: no one of the three
    // may take the whole queue.
    const quotas = [
      { key: JSON.stringify([clientId, source]), max: 2 },
      { key: `client ${clientId}`, max: 4 },
      { key: `source ${source}`, max: 4 },
    ];
    return this.queue.run(quotas, () => this.compareImported(attempt, imported));
  }

  private async compareImported(
    attempt: SecretAttempt,
    imported: readonly string[],
  ): Promise<boolean> {
    // As many comparisons as there can be secrets, for any client and however many it has.
    const hashes = [...imported];
    while (hashes.length < MAX_LIVE_SECRETS) hashes.push(this.dummyHash);
    let right = false;
    for (const reading of readingsOf(attempt)) {
      for (const verifier of hashes) {
        const matches = await verify(verifier, reading);
        if (matches && imported.includes(verifier)) {
          this.seen.set(this.seenId(verifier, reading), true);
          right = true;
        }
      }
    }
    return right;
  }

  private seenId(verifier: string, secret: string): string {
    return createHmac('sha256', this.seenKey)
      .update(verifier)
      .update('\0')
      .update(secret)
      .digest('hex');
  }
}

function readingsOf({ secret, rawSecret }: SecretAttempt): string[] {
  return rawSecret === null ? [secret] : [secret, rawSecret];
}
