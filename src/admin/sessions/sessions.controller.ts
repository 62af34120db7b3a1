import { Body, Delete, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import { IsNull, type EntityManager } from 'typeorm';
import { requestIdOf } from '../../platform/http/request-id.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { Session } from '../../ledger/sessions/session.entity.js';
import { AdminController } from '../admin-controller.js';
import { RevocationBody } from './session.body.js';
import { found, AuditedChanges, zoneExists } from '../audited-changes.service.js';
import { PageQuery } from '../pagination.body.js';
import { readPage } from '../pagination.js';

function view(row: Session) {
  return {
    id: row.id,
    root_id: row.rootId,
    client_id: row.clientId,
    subject: row.subject,
    ...(row.issuer === null ? {} : { issuer: row.issuer }),
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
  constructor(private readonly changes: AuditedChanges) {}

  /** Lists sessions, ended and expired ones too while they are kept. */
  @Get('sessions')
  async list(@Param('zone') zoneId: string, @Query() page: PageQuery) {
    await zoneExists(this.changes.read, zoneId);
    return readPage(this.changes.read, Session, { zoneId }, page, view);
  }

  /** Shows a session. */
  @Get('sessions/:id')
  async show(@Param('zone') zoneId: string, @Param('id') id: string) {
    return view(await findSession(this.changes.read, zoneId, id));
  }

  /** Ends a session: nothing that hangs on it can be exchanged any more. Ending it again changes nothing. */
  @Delete('sessions/:id')
  @HttpCode(204)
  async end(
    @Param('zone') zoneId: string,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<void> {
    const change = { zoneId, requestId: requestIdOf(request), type: 'session.ended' };
    await this.changes.run(change, async (tx) => {
      const session = await findSession(tx, zoneId, id);
      await tx.update(
        Session,
        { zoneId, id, endedAt: IsNull() },
        { endedAt: () => 'clock_timestamp()' },
      );
      return { result: undefined, details: { session: view(session) } };
    });
  }

  /** Revokes one mandate: it is not accepted in an exchange any more. Revoking it again changes nothing. */
  @Post('revocations')
  @HttpCode(204)
  async revoke(
    @Param('zone') zoneId: string,
    @Body() { jti }: RevocationBody,
    @Req() request: Request,
  ): Promise<void> {
    await zoneExists(this.changes.read, zoneId);
    const change = { zoneId, requestId: requestIdOf(request), type: 'mandate.revoked' };
    await this.changes.run(change, async (tx) => {
      await tx.query(
        'INSERT INTO revocations (zone_id, jti) VALUES ($1, $2) ON CONFLICT DO NOTHING',
        [zoneId, jti],
      );
      return { result: undefined, details: { revoked_jti: jti } };
    });
  }
}

async function findSession(tx: EntityManager, zoneId: string, id: string): Promise<Session> {
  await zoneExists(tx, zoneId);
  const row = isUuid(id) ? await tx.findOne(Session, { where: { zoneId, id } }) : null;
  return found(row, 'session');
}
