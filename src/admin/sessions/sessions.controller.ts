import { Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Zone } from '../../zones/zone.entity.js';
import { Session } from '../../ledger/sessions/session.entity.js';
import { AdminController } from '../admin-controller.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change, UrgentChange } from '../change.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';

function toView(row: Session) {
  return {
    id: row.id,
    root_id: row.rootId,
    client_id: row.clientId,
    subject: row.subject,
    ...(row.issuer === null ? {} : { issuer: row.issuer }),
    ...(row.federatedIdentityId === null ? {} : { federated_identity_id: row.federatedIdentityId }),
    ...(row.acr === null ? {} : { acr: row.acr }),
    ...(row.amr === null ? {} : { amr: row.amr }),
    ...(row.authTime === null ? {} : { auth_time: row.authTime }),
    created_at: row.createdAt,
    expires_at: row.expiresAt,
    ended_at: row.endedAt,
  };
}

/** Shows what authority is alive in a zone, and ends it. */
@AdminController('zones/:zone')
export class SessionsController {
  constructor(
    @InjectRepository(Session) private readonly sessions: Repository<Session>,
    private readonly changes: AuditedChanges,
  ) {}

  /** Lists sessions, ended and expired ones too while they are kept. */
  @Get('sessions')
  async list(@InZone() { id: zoneId }: Zone, @Query() page: PageQuery) {
    return readPage(this.sessions, { zoneId }, page, toView);
  }

  /** Shows a session. */
  @Get('sessions/:id')
  async show(@InZone() { id: zoneId }: Zone, @Param('id') id: string) {
    return toView(await findRow(this.sessions, { zoneId, id }, 'session'));
  }

  /** Ends a session: nothing that hangs on it can be exchanged any more. Ending it again changes nothing. */
  @Delete('sessions/:id')
  @HttpCode(204)
  async end(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @UrgentChange('session.ended') change: Change,
  ): Promise<void> {
    await this.changes.run(change, async (tx) => {
      const sessions = tx.getRepository(Session);
      const session = await findRow(sessions, { zoneId, id }, 'session');
      await tx.query('SELECT FROM session_end($1, $2)', [zoneId, id]);
      return { result: undefined, details: { session: toView(session) } };
    });
  }
}
