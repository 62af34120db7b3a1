import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Client } from './client.entity.js';

/** Finds the zone of a client. */
@Injectable()
export class Clients {
  constructor(@InjectRepository(Client) private readonly clients: Repository<Client>) {}

  /**
   * The id of the zone that a client belongs to. A client never changes its zone.
   *
   * @param clientId a UUID
   * @returns `null` for an unknown client
   */
  async findZoneOf(clientId: string): Promise<string | null> {
    const client = await this.clients.findOne({
      select: { zoneId: true, id: true },
      where: { id: clientId },
    });
    return client?.zoneId ?? null;
  }
}
