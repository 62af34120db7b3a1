import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { LOGGER } from '../../platform/config/logger.js';
import { guardedFetch } from '../../platform/outbound/guarded-fetch.js';
import { OutboundPolicies } from '../../platform/outbound/outbound-policies.service.js';
import { registeredKeys, type PublicJwks } from './jwks.js';
import type { KeySource } from './public-key-set.js';
import { RemoteKeys } from './remote-keys.js';

/** The registered public keys of a client or issuer: the keys themselves, or the `jwks_uri` that has them. */
export interface KeyRegistration {
  readonly jwks: PublicJwks | null;
  readonly jwksUri: string | null;
}

/** The public keys of clients and trusted issuers, registered or fetched. */
@Injectable()
export class PublicKeys {
  private readonly remote: RemoteKeys;
  /** Parsed registered keys, for as long as the snapshot that they are in. */
  private readonly registered = new WeakMap<PublicJwks, KeySource>();

  constructor(
    policies: OutboundPolicies,
    @Inject(CLOCK) clock: Clock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.remote = new RemoteKeys({
      fetch: async (zoneId, uri) =>
        guardedFetch(uri, await policies.rulesFor('jwks_fetch', zoneId)),
      now: () => clock.now(),
      failed: (uri, error) => logger.warn({ err: error, uri }, 'a key set could not be fetched'),
    });
  }

  /** The keys of a registration. @returns `null` if nothing was registered */
  of(zoneId: string, { jwks, jwksUri }: KeyRegistration): KeySource | null {
    if (jwks === null) return jwksUri === null ? null : this.remote.at(zoneId, jwksUri);
    const known = this.registered.get(jwks) ?? registeredKeys(jwks);
    this.registered.set(jwks, known);
    return known;
  }
}
