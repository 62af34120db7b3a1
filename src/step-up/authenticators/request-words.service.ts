import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { logoPath } from '../../zones/logo.js';
import type { Challenge } from '../challenge.entity.js';
import { clientsNamedIn } from '../describe-challenge.js';
import type { RequestWords } from './request-words.js';

/** Reads what operators call the things in a held request, as they call them now. */
@Injectable()
export class RequestWordsReader {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** What the operators of a zone call their organisation, and its logo. */
  async letterhead(zoneId: string): Promise<Pick<RequestWords, 'organisation' | 'logo'>> {
    const [row] = await this.dataSource.query<{ name: string | null; digest: string | null }[]>(
      'SELECT display_name AS name, logo_digest AS digest FROM zones WHERE id = $1',
      [zoneId],
    );
    const digest = row?.digest ?? null;
    return { organisation: row?.name ?? null, logo: digest === null ? null : logoPath(digest) };
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
    const scopes = await this.dataSource.query<{ name: string; description: string }[]>(
      `SELECT name, description FROM scopes
        WHERE zone_id = $1 AND name = ANY ($2) AND description IS NOT NULL`,
      [zoneId, request.scopes],
    );
    return {
      ...(await this.letterhead(zoneId)),
      clients: new Map(clients.map(({ id, ...words }) => [id, words])),
      resources: new Map(resources.map(({ identifier, ...words }) => [identifier, words])),
      scopes: new Map(scopes.map(({ name, description }) => [name, description])),
    };
  }
}

interface ResourceRow {
  readonly identifier: string;
  readonly name: string | null;
  readonly description: string | null;
  readonly scopes: readonly { readonly scope: string; readonly description: string }[];
}
