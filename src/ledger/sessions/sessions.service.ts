import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Session } from './session.entity.js';

/** Finds sessions. Whether one is alive when it matters, the ledger checks in its commit. */
@Injectable()
export class Sessions {
  constructor(@InjectRepository(Session) private readonly sessions: Repository<Session>) {}

  /**
   * @param id a UUID
   * @returns `null` for an unknown session, and for one of another zone
   */
  find(zoneId: string, id: string): Promise<Session | null> {
    return this.sessions.findOneBy({ zoneId, id });
  }
}
