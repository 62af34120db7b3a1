import { Get, Query } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Client } from '../../zones/clients/client.entity.js';
import { AdminController } from '../admin-controller.js';
import { CurrentOperator, type Operator } from '../operators/operator.js';
import { having, seen, type Page } from '../pagination.js';
import { ForSomeZones } from '../permission.js';
import { readClients } from './client-lists.js';
import type { ClientOfZoneView } from './client-view.js';
import { AllClientsQuery } from './clients-query.body.js';

/** Zones that are there: clients of one that is being removed are gone with it. */
const OF_ZONES = {
  sql: 'EXISTS (SELECT FROM zones z WHERE z.id = row.zone_id AND z.removed_at IS NULL)',
} as const;

/** Finds clients in whichever zone they are. */
@AdminController('clients', { noun: 'clients' })
export class AllClientsController {
  constructor(@InjectRepository(Client) private readonly clients: Repository<Client>) {}

  /** Lists clients of all zones that the operator may see, each with its zone; those of one, or that are searched for. */
  @Get()
  @ForSomeZones()
  async list(
    @Query() query: AllClientsQuery,
    @CurrentOperator() operator: Operator,
  ): Promise<Page<ClientOfZoneView>> {
    const { items, ...rest } = await readClients(this.clients, {}, query, [
      OF_ZONES,
      ...seen('zone_id', operator),
      ...having('zone_id', query.zone),
      ...having('id', query.id),
    ]);
    return { items: items.map(({ zoneId, view }) => ({ ...view, zone_id: zoneId })), ...rest };
  }
}
