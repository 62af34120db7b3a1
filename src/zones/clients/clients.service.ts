import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Zone } from '../zone.entity.js';
import { Client } from './client.entity.js';

/** Finds the zone of a client. */
@Injectable()
export class Clients {
  constructor(@InjectRepository(Client) private readonly clients: Repository<Client>) {}

  /**
   * The id of the zone that a client belongs to. A client never changes its zone.
   *
   * @param clientId a UUID
   * @returns `null` for an unknown client, and for one of a zone that is being removed
   */
  async findZoneOf(clientId: string): Promise<string | null> {
    const client = await this.clients
      .createQueryBuilder('client')
      .select(['client.zoneId', 'client.id'])
      .innerJoin(Zone, 'zone', 'zone.id = client.zoneId')
      .where('client.id = :clientId AND zone.removedAt IS NULL', { clientId })
      .getOne();
    return client?.zoneId ?? null;
  }
}
