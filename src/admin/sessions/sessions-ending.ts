import { BadRequestException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { countRows, type Counts } from '../../platform/database/bounded-count.js';
import type { SessionsEndBody } from './sessions.body.js';

/** The most sessions that one request ends, and one statement. */
const MOST = 500;
const AT_ONCE = 100;

/** What a request to end sessions has come to. */
export interface EndedSessionsView {
  /** How many were ended. */
  readonly ended: number;
  /** Whether there may be more: then the same is asked again. */
  readonly more: boolean;
}

/** What it would come to. */
export interface WouldEndSessions {
  /** How many are alive that would end, some of them with the next requests. */
  readonly end: Counts<'sessions'>;
}

/** Sessions that are alive, in SQL about `s`. */
const ALIVE = `s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND session_supported(s)`;

/**
 * Ends sessions that are alive, the oldest first, with the agent sessions in them: at most 500.
 *
 * @throws {BadRequestException} if nothing says which
 */
export async function endSessions(
  tx: EntityManager,
  zoneId: string,
  which: SessionsEndBody,
): Promise<EndedSessionsView> {
  const { where, parameters } = conditionOf(which);
  let ended = 0;
  for (;;) {
    const sql = `SELECT e.id FROM (SELECT s.id FROM ${where} ORDER BY s.id LIMIT ${AT_ONCE}) AS found,
      LATERAL session_end($1, found.id) AS e`;
    // oxlint-disable-next-line no-await-in-loop
    const rows = await tx.query<unknown[]>(sql, [zoneId, ...parameters]);
    ended += rows.length;
    if (rows.length < AT_ONCE) return { ended, more: false };
    if (ended >= MOST) return { ended, more: true };
  }
}

/** Counts what {@link endSessions} would end. @throws {BadRequestException} as that */
export async function countSessions(
  tx: EntityManager,
  zoneId: string,
  which: SessionsEndBody,
): Promise<WouldEndSessions> {
  const { where, parameters } = conditionOf(which);
  return { end: await countRows(tx, { sessions: where }, [zoneId, ...parameters]) };
}

function conditionOf({ subject, issuer, client_id: clientId, before }: SessionsEndBody) {
  const given = [
    ['s.subject = ?::text', subject],
    ['s.issuer = ?::text', issuer],
    ['s.client_id = ?::uuid', clientId],
    ['s.created_at < ?::timestamptz', before],
  ].flatMap(([sql = '', value]) => (value === undefined ? [] : [{ sql, value }]));
  if (given.length === 0) {
    throw new BadRequestException('which sessions: subject, issuer, client_id or before');
  }
  const conditions = given.map(({ sql }, n) => sql.replace('?', `$${n + 2}`));
  return {
    where: `sessions s WHERE s.zone_id = $1 AND ${conditions.join(' AND ')} AND ${ALIVE}`,
    parameters: given.map(({ value }) => value),
  };
}
