import { Body, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Response } from 'express';
import type { Repository } from 'typeorm';
import { Zone } from '../../zones/zone.entity.js';
import { Session } from '../../ledger/sessions/session.entity.js';
import { AdminController } from '../admin-controller.js';
import type { Administered } from '../administered.js';
import { AuditedChanges } from '../audited-changes.service.js';
import { Change, UrgentChange } from '../change.js';
import { affectedBy, type AffectedByEnd } from './affected-by-end.js';
import { IfMatch, Precondition, tagged } from '../entity-tag.js';
import { ApiResponse } from '../../platform/http/openapi-decorators.js';
import { Deletions } from '../deletions.service.js';
import { DryRunQuery } from '../dry-run.body.js';
import { isDryRun, type DryRun, type WouldDelete } from '../dry-runs.service.js';
import { findRow } from '../find-row.js';
import { InZone } from '../in-zone.js';
import { being, having, readPage, type Page } from '../pagination.js';
import { SessionsEndBody, SessionsQuery } from './sessions.body.js';
import {
  countSessions,
  endSessions,
  type EndedSessionsView,
  type WouldEndSessions,
} from './sessions-ending.js';
import { toView, type SessionView } from './session-view.js';

const ALIVE =
  'row.ended_at IS NULL AND row.expires_at > clock_timestamp() AND session_supported("row")';

const SESSIONS: Administered<Session, SessionView> = {
  entity: Session,
  noun: 'session',
  recordedAs: 'session',
  view: (_tx, row) => toView(row),
};

/** Shows what authority is alive in a zone, and ends it. */
@AdminController('zones/:zone', { noun: 'sessions' })
export class SessionsController {
  constructor(
    @InjectRepository(Session) private readonly sessions: Repository<Session>,
    private readonly changes: AuditedChanges,
    private readonly deletions: Deletions,
  ) {}

  /** Lists sessions: all, ended and expired ones too while they are kept, or those of a subject, an issuer or a client. */
  @Get('sessions')
  async list(
    @InZone() { id: zoneId }: Zone,
    @Query() query: SessionsQuery,
  ): Promise<Page<SessionView>> {
    return readPage(this.sessions, { zoneId }, query, toView, [
      ...having('subject', query.subject),
      ...having('issuer', query.issuer),
      ...having('client_id', query.client_id),
      ...being(ALIVE, query.live),
    ]);
  }

  /** Shows a session. */
  @Get('sessions/:id')
  async show(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SessionView> {
    return tagged(response, toView(await findRow(this.sessions, { zoneId, id }, 'session')));
  }

  /**
   * Ends sessions that are alive: those of a subject, of an issuer's users, of a client, or that began before a moment; at
   * most 500, the oldest first. What is opened afterwards is not among them: to take back all that was issued, whatever
   * session it is of, order a revocation. `dry_run=true` says how many it would be.
   */
  @Post('sessions/end')
  @HttpCode(200)
  async endSome(
    @InZone() { id: zoneId }: Zone,
    @UrgentChange('sessions.ended') change: Change,
    @Query() query: DryRunQuery,
    @Body() body: SessionsEndBody,
  ): Promise<EndedSessionsView | DryRun<WouldEndSessions>> {
    if (isDryRun(query)) {
      const would = await this.changes.readFirst(zoneId, (tx) => countSessions(tx, zoneId, body));
      return { dry_run: true, would };
    }
    return this.changes.run(change, async (tx) => {
      const result = await endSessions(tx, zoneId, body);
      return { result, details: { which: Object.fromEntries(Object.entries(body)), ...result } };
    });
  }

  /** Ends a session: nothing that hangs on it can be exchanged any more. Ending it again changes nothing. */
  @Delete('sessions/:id')
  @HttpCode(204)
  @ApiResponse({ status: 200, description: 'What would be ended (`dry_run=true`)' })
  @ApiResponse({ status: 204, description: 'Ended' })
  async end(
    @InZone() { id: zoneId }: Zone,
    @Param('id') id: string,
    @UrgentChange('session.ended') change: Change,
    @IfMatch() precondition: Precondition,
    @Query() query: DryRunQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DryRun<WouldDelete<SessionView, AffectedByEnd>> | undefined> {
    const deletion = { change, precondition, query, response };
    return this.deletions.run(deletion, SESSIONS, {
      where: { zoneId, id },
      affects: (tx) => affectedBy(tx, zoneId, { kind: 'session_id', name: id }),
      end: (tx) => tx.query('SELECT FROM session_end($1, $2)', [zoneId, id]),
    });
  }
}
