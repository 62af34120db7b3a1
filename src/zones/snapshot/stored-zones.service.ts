import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { KeyRings } from '../../keys/signing/key-rings.service.js';
import { notServedHere } from '../../oauth/away.js';
import type { NotServedHere } from '../../oauth/not-served-here.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { atZone } from '../../platform/database/at-zones.js';
import { PolicySets } from '../../policy/policy-sets.service.js';
import { Sealing } from '../../sealing/sealing.service.js';
import { openZone, readZone, type SnapshotServices, type StoredZone } from './load-snapshot.js';
import type { ZoneSnapshot } from './zone-snapshot.js';

/** The zones as they are stored: reads one, and makes a snapshot of what was read. */
@Injectable()
export class StoredZones {
  private readonly services: SnapshotServices;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    sealing: Sealing,
    keyRings: KeyRings,
    policySets: PolicySets,
    @Inject(ENV)
    { issuerUrl, expiryOnlySeconds }: Pick<RunningEnv, 'issuerUrl' | 'expiryOnlySeconds'>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.services = { sealing, keyRings, policySets, issuerUrl, expiryOnlySeconds };
  }

  /** Reads a zone, as {@link readZone} does. */
  read(zoneId: string): Promise<StoredZone | null> {
    return atZone(this.dataSource, zoneId, () =>
      readZone(this.dataSource.manager, zoneId, this.clock.now(), this.services),
    );
  }

  /** What is answered of a zone that is not served here; `null` for one that is. */
  elsewhere({ own: { away } }: StoredZone): NotServedHere | null {
    return away === null ? null : notServedHere(away, this.services.issuerUrl);
  }

  /** Makes a snapshot of a zone, as {@link openZone} does. */
  open(stored: StoredZone): Promise<ZoneSnapshot> {
    return openZone(stored, this.clock.now(), this.services);
  }
}
