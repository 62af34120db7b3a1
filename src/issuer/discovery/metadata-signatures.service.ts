import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { KeyedLimit } from '../../authentication/keyed-limit.js';
import { algsFor, signerOf } from '../../keys/signing/signing-algs.js';
import type { ZoneAlgs } from '../../keys/signing/signing-algs.js';
import { atMost } from '../../platform/at-most.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { LOGGER } from '../../platform/config/logger.js';
import { documentOf } from '../../platform/http/public-document.js';
import { Turns } from '../../platform/turns.js';
import { Snapshots } from '../../zones/snapshot/snapshots.service.js';
import type { Members } from './metadata.js';
import type { ScheduledKey } from './zone-facts.js';

/** A signature over the members of a document. */
interface Signed {
  /** That of the members. */
  readonly etag: string;
  readonly kid: string;
  readonly token: string;
}

/** What is signed for: a zone and its keys. */
interface SigningZone extends ZoneAlgs {
  readonly zoneId: string;
  /** That of the members: what is in memory elsewhere may be of another moment. */
  readonly issuer: string;
  readonly keys: readonly ScheduledKey[];
}

/** Documents of which the signature is kept. */
const MAX_KEPT = 20_000;
/** Signatures that are made at once, since a signer that is elsewhere has mandates to sign, and how long one is waited for. */
const AT_ONCE = { ofOneKey: 1, inAll: 4, waiting: 16, waitingOfOne: 16, waitMs: 1_000 };
/** Signatures of a zone's documents in a minute: a document that changes more often has none for a while. */
const OF_ZONE = { points: 20, seconds: 60, maxKeys: 10_000 };

/**
 * Makes `signed_metadata` (RFC 8414 2.1, RFC 9728 2.2): a JWT of the same members by the key of the zone that signs now.
 * One is made when the members or the key change, not for each request. It has neither `exp` nor `aud` nor `sub`, so
 * nothing that verifies mandates takes it for one.
 */
@Injectable()
export class MetadataSignatures {
  private readonly kept = new LRUCache<string, Signed>(atMost(MAX_KEPT));
  private readonly turns = new Turns(AT_ONCE);
  private readonly limit = new KeyedLimit(OF_ZONE);

  constructor(
    private readonly snapshots: Snapshots,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * The member `signed_metadata`, or nothing while none can be made: no key may sign yet, the signer is out of reach, or
   * the document has changed too often.
   *
   * @param name of the document, the same each time
   * @param members all others that it has
   */
  async sign(name: string, zone: SigningZone, members: Members): Promise<Members> {
    const signer = signerOf(zone.keys, algsFor([], zone), this.clock.now());
    if (signer === null) return {};
    const { etag } = documentOf(members);
    const kept = this.kept.get(name);
    if (kept?.etag === etag && kept.kid === signer.kid) return { signed_metadata: kept.token };
    if (!(await this.limit.take(zone.zoneId))) return {};
    try {
      // It may have to be read: what waits for the database takes no turn at the signer.
      const snapshot = await this.snapshots.find(zone.zoneId);
      if (snapshot === null) throw new Error('the zone is not there any more');
      const now = this.clock.now();
      const claims = { iss: zone.issuer, iat: Math.floor(now / 1_000), ...members };
      const { token, kid } = await this.turns.take(zone.zoneId, '', () =>
        snapshot.keys.sign(claims, [], now, 'JWT'),
      );
      this.kept.set(name, { etag, kid, token });
      return { signed_metadata: token };
    } catch (error) {
      this.logger.warn({ err: error, zone: zone.zoneId }, 'metadata could not be signed');
      return {};
    }
  }
}
