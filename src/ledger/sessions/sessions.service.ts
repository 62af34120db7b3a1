import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { ZoneReads } from '../../platform/database/zone-reads.service.js';
import { Session } from './session.entity.js';

/** Finds sessions. Whether one is live is checked by the ledger in its commit. */
@Injectable()
export class Sessions {
  constructor(
    @InjectRepository(Session) private readonly sessions: Repository<Session>,
    private readonly reads: ZoneReads,
  ) {}

  /**
   * The session with an id, live or not.
   *
   * @param id a UUID
   * @returns `null` for an unknown session, and for one of another zone
   */
  find(zoneId: string, id: string): Promise<Session | null> {
    return this.reads.read(zoneId, () => this.sessions.findOneBy({ zoneId, id }));
  }
}
