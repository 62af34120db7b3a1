import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { ActorClaim, MandateClaims } from '../../mandates/verify-mandate.js';
import { orUnavailable } from '../../oauth/errors.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { JoinedReads } from '../../platform/database/joined-reads.js';
import type { Basis } from '../../zones/snapshot/basis.js';

/** Why a verified mandate is not honoured any more, or that it is. */
export type Liveness =
  | 'live'
  | 'expired'
  | 'revoked'
  | 'session_ended'
  | 'client_taken_back'
  | 'agent_session_ended'
  | 'delegation_ended';

/** The mandates of one request, and what they were verified on. */
interface LiveQuestion {
  readonly basis: Basis;
  readonly mandates: readonly MandateClaims[];
}

/** For each mandate of a question; `null` if its basis is not current any more. */
type LiveAnswer = readonly Liveness[] | null;

/**
 * Single mandates that one statement looks at, and requests that may wait for one. Batches have statements of their own,
 * so that nobody waits for more than a few of them.
 */
const SINGLES = { joined: 200, waiting: 4_096 } as const;
const BATCHES = { joined: 5, waiting: 200 } as const;

/**
 * Asks the database whether mandates are live, those of all requests that wait in one statement (`introspection.sql`). It
 * begins after the question was asked, so it sees whatever was taken back before.
 */
@Injectable()
export class LiveMandates {
  private readonly singles: JoinedReads<LiveQuestion, LiveAnswer>;
  private readonly batches: JoinedReads<LiveQuestion, LiveAnswer>;
  private asked = 0;

  constructor(@InjectDataSource() dataSource: DataSource) {
    const read = (questions: readonly LiveQuestion[]) => readLive(dataSource, questions);
    this.singles = new JoinedReads(read, SINGLES);
    this.batches = new JoinedReads(read, BATCHES);
  }

  /**
   * Whether mandates are live.
   *
   * @param basis the zone that they were verified with, and the client that asks
   * @returns in their order; `null` if the basis is not current any more
   * @throws {OAuthError} temporarily_unavailable
   */
  ask(basis: Basis, mandates: readonly MandateClaims[]): Promise<LiveAnswer> {
    // Each is a question of its own: what was found for another is of another moment.
    this.asked += 1;
    const reads = mandates.length > 1 ? this.batches : this.singles;
    return orUnavailable('mandate', reads.ask(String(this.asked), { basis, mandates }));
  }
}

/** The place of one mandate in the columns of `introspect_live`. */
type Row = readonly (string | number | null)[];

async function readLive(
  on: Pick<DataSource, 'query'>,
  questions: readonly LiveQuestion[],
): Promise<LiveAnswer[]> {
  const rows = questions.map(rowsOf);
  const columns = transposed(rows.flat());
  const found = await on.query<{ state: Liveness | 'stale' }[]>(LIVE, columns);
  const states = found.map(({ state }) => state);
  if (states.length !== columns[0]?.length) throw new Error('not as many states as mandates');
  let at = 0;
  return questions.map(({ mandates }, n) => {
    const own = states.slice(at, (at += rows[n]?.length ?? 0));
    const live = own.filter((state) => state !== 'stale');
    return live.length < own.length ? null : live.slice(0, mandates.length);
  });
}

/** One place for each mandate, the first with the basis; one without a mandate if there is none. */
function rowsOf({ basis, mandates }: LiveQuestion): Row[] {
  const { zoneId, version = null, clients = [] } = basis;
  const caller = clients[0];
  const standing = [zoneId, version, caller?.id ?? null, caller?.version ?? null];
  if (mandates.length === 0) {
    return [[...standing, null, null, null, null, null, null, null, null]];
  }
  return mandates.map((claims, n) => [
    ...(n === 0 ? standing : [zoneId, null, null, null]),
    ...columnsOf(claims),
  ]);
}

function columnsOf({ raw, ...claims }: MandateClaims): Row {
  const clients = clientsOf(claims);
  return [
    claims.jti,
    claims.exp,
    claims.sid === claims.rootSid ? claims.sid : `${claims.sid},${claims.rootSid}`,
    claims.ancestors.join(),
    clients.map(([id]) => id).join(),
    clients.map(([, generation]) => generation).join(),
    idIn(raw['agent_session_id']),
    idIn(raw['delegation_edge_id']),
  ];
}

/** The clients that a mandate rests on, and in which generation of each it was issued. */
function clientsOf({
  clientId,
  sub,
  subType,
  act,
}: Pick<MandateClaims, 'clientId' | 'sub' | 'subType' | 'act'>): [string, number][] {
  const named = [clientId, ...actorsIn(act), ...(subType === 'application' ? [sub] : [])];
  return [...new Set(named)].map((id) => [idIn(id) ?? NOBODY, 0]);
}

function actorsIn(act: ActorClaim | undefined): string[] {
  if (act === undefined) return [];
  return [...(act.clientId === undefined ? [] : [act.clientId]), ...actorsIn(act.act)];
}

/** The id of no client: what is called like none is none. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

function idIn(value: unknown): string | null {
  if (value === undefined) return null;
  return typeof value === 'string' && isUuid(value) ? value : NOBODY;
}

const COLUMNS = 12;

function transposed(rows: readonly Row[]): (string | number | null)[][] {
  return Array.from({ length: COLUMNS }, (_, column) => rows.map((row) => row[column] ?? null));
}

const LIVE = `
  SELECT introspect_live($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::uuid[], $6::float8[], $7::text[],
                         $8::text[], $9::text[], $10::text[], $11::uuid[], $12::uuid[]) AS state`;
