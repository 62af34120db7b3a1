import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Challenge } from '../challenge.entity.js';
import { clientsNamedIn } from '../describe-challenge.js';
import type { RequestWords } from './request-words.js';

/** Reads what operators call the things in a held request, as they call them now. */
@Injectable()
export class RequestWordsReader {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** What the operators of a zone call their organisation; `null` if that was not said. */
  async organisation(zoneId: string): Promise<string | null> {
    const rows = await this.dataSource.query<{ name: string | null }[]>(
      'SELECT display_name AS name FROM zones WHERE id = $1',
      [zoneId],
    );
    return rows[0]?.name ?? null;
  }

  async wordsFor(challenge: Challenge): Promise<RequestWords> {
    const { zoneId, request } = challenge;
    const clients = await this.dataSource.query<
      { id: string; name: string; description: string | null }[]
    >('SELECT id, name, description FROM clients WHERE zone_id = $1 AND id = ANY ($2)', [
      zoneId,
      clientsNamedIn(challenge),
    ]);
    const resources = await this.dataSource.query<ResourceRow[]>(
      `SELECT identifier, display_name AS name, description, scope_descriptions AS scopes
         FROM resources WHERE zone_id = $1 AND identifier = ANY ($2)`,
      [zoneId, request.resources],
    );
    return {
      organisation: await this.organisation(zoneId),
      clients: new Map(clients.map(({ id, ...words }) => [id, words])),
      resources: new Map(resources.map(({ identifier, ...words }) => [identifier, words])),
    };
  }
}

interface ResourceRow {
  readonly identifier: string;
  readonly name: string | null;
  readonly description: string | null;
  readonly scopes: readonly { readonly scope: string; readonly description: string }[];
}
