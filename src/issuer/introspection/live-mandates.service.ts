import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { clientsOf, subjectOf } from '../../mandates/taken-back.js';
import type { MandateClaims } from '../../mandates/mandate-claims.js';
import { orUnavailable } from '../../oauth/errors.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { JoinedShardReads } from '../../platform/database/joined-shard-reads.js';
import { zoneShardsOf } from '../../platform/database/zone-shards.js';
import type { Basis } from '../../zones/snapshot/basis.js';

/** Why a verified mandate is not honoured any more, or that it is. */
export type Liveness =
  | 'live'
  | 'expired'
  | 'revoked'
  | 'session_ended'
  | 'client_taken_back'
  | 'taken_back'
  | 'agent_session_ended'
  | 'delegation_ended';

/** A verified mandate, and whether its subject may have been taken back: in zones where none was, nothing is asked. */
export interface LiveMandate {
  readonly claims: MandateClaims;
  readonly mayBeTakenBack: boolean;
}

/** The mandates of one request, and what they were verified on. */
interface LiveQuestion {
  readonly basis: Basis;
  readonly mandates: readonly LiveMandate[];
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
  private readonly singles: JoinedShardReads<LiveQuestion, LiveAnswer>;
  private readonly batches: JoinedShardReads<LiveQuestion, LiveAnswer>;
  private asked = 0;

  constructor(
    @InjectDataSource() dataSource: Pick<DataSource, 'query'>,
    @Inject(ENV) env: Pick<RunningEnv, 'zoneShards'>,
  ) {
    const read = (questions: readonly LiveQuestion[]) => readLive(dataSource, questions);
    const shards = zoneShardsOf(env);
    this.singles = new JoinedShardReads<LiveQuestion, LiveAnswer>(shards, read, SINGLES);
    this.batches = new JoinedShardReads<LiveQuestion, LiveAnswer>(shards, read, BATCHES);
  }

  /**
   * Whether mandates are live.
   *
   * @param basis the zone that they were verified with, and the client that asks
   * @returns in their order; `null` if the basis is not current any more
   * @throws {OAuthError} temporarily_unavailable
   */
  ask(basis: Basis, mandates: readonly LiveMandate[]): Promise<LiveAnswer> {
    // Each is a question of its own: what was found for another is of another moment.
    this.asked += 1;
    const reads = mandates.length > 1 ? this.batches : this.singles;
    return orUnavailable(
      'mandate',
      reads.ask(basis.zoneId, String(this.asked), { basis, mandates }),
    );
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
    return [standing];
  }
  return mandates.map((mandate, n) => [
    ...(n === 0 ? standing : [zoneId, null, null, null]),
    ...columnsOf(mandate),
  ]);
}

function columnsOf({ claims, mayBeTakenBack }: LiveMandate): Row {
  const { raw } = claims;
  const clients = clientsOf(claims);
  const subject = mayBeTakenBack ? subjectOf(claims) : null;
  return [
    claims.jti,
    claims.exp,
    claims.sid === claims.rootSid ? claims.sid : `${claims.sid},${claims.rootSid}`,
    claims.ancestors.join(),
    clients.map(([id]) => idIn(id)).join(),
    clients.map(([, generation]) => generation).join(),
    subject?.key ?? null,
    subject?.generation ?? null,
    idIn(raw['agent_session_id']),
    idIn(raw['delegation_edge_id']),
  ];
}

/** The id of no client: what is called like none is none. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

function idIn(value: unknown): string | null {
  if (value === undefined) return null;
  return typeof value === 'string' && isUuid(value) ? value : NOBODY;
}

const COLUMNS = 14;

function transposed(rows: readonly Row[]): (string | number | null)[][] {
  return Array.from({ length: COLUMNS }, (_, column) => rows.map((row) => row[column] ?? null));
}

const LIVE = `
  SELECT introspect_live($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::uuid[], $6::float8[], $7::text[],
                         $8::text[], $9::text[], $10::text[], $11::text[], $12::integer[], $13::uuid[], $14::uuid[]) AS state`;
