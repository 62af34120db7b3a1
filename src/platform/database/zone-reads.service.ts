import { Injectable } from '@nestjs/common';
import { Turns } from '../turns.js';

/**
 * Single reads on behalf of a zone, three at a time for one zone and six for all: a zone that wants many
 * waits for itself, and zones come round one after the other, whatever they want.
 */
@Injectable()
export class ZoneReads {
  private readonly turns = new Turns({
    ofOneKey: 3,
    inAll: 6,
    waiting: 2_000,
    waitingOfOne: 2_000,
    waitMs: 1_000,
  });

  /**
   * Reads when it is the zone's turn.
   *
   * @param read one query on the shared connections
   * @throws {OAuthError} temporarily_unavailable if the zone wants too much; what `read` throws
   */
  read<T>(zoneId: string, read: () => Promise<T>): Promise<T> {
    return this.turns.take(zoneId, zoneId, read);
  }
}
