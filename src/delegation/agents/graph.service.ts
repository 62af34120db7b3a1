import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { Ledger } from '../../ledger/ledger.service.js';
import { OAuthError, unavailable } from '../../oauth/errors.js';
import type { RequestId } from '../../platform/http/request-id.js';
import { admit, ADMIT, StaleBearer } from '../../authentication/admission.js';
import { SessionBearers, type Bearer } from '../../authentication/session-bearers.service.js';

/** How often a request is looked at before a zone that keeps changing makes us give up. */
const MAX_ATTEMPTS = 5;

/** An application that asks for something, in the transaction that does it. */
export interface Caller {
  readonly clientId: string;
  readonly zoneId: string;
  readonly bearer: Bearer;
  readonly tx: EntityManager;
  /** Seconds since the epoch, by the database. */
  readonly now: number;
}

/** A request of an application. */
export interface Asked {
  readonly token: string;
  readonly requestId: RequestId;
  /** What is to be done, for the audit log, such as `delegation.created`. */
  readonly type: string;
}

/** What was done, and what the audit event says of it; `null` if nothing changed. */
export interface Made<T> {
  readonly result: T;
  readonly details: Readonly<Record<string, unknown>> | null;
}

/**
 * Lets applications look at the graph of agent sessions and delegations, and change it: each change in
 * one transaction with its audit event, and one at a time in a zone, so that what a change was checked
 * against is still so when it is made.
 */
@Injectable()
export class Graph {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly bearers: SessionBearers,
    private readonly ledger: Ledger,
  ) {}

  /** Changes something. A refusal is recorded, too. */
  change<T>(asked: Asked, make: (caller: Caller) => Promise<Made<T>>): Promise<T> {
    return this.recorded(asked, (bearer) =>
      this.transact(bearer, `${ADMIT} FOR SHARE OF z`, async (caller) => {
        await lock(caller);
        const { result, details } = await make(caller);
        if (details !== null) await this.append(asked, caller, details);
        return result;
      }),
    );
  }

  /** Does what is no change to the graph: looks at it, or keeps something in it alive. */
  use<T>(asked: Asked, make: (caller: Caller) => Promise<T>): Promise<T> {
    return this.recorded(asked, (bearer) => this.transact(bearer, ADMIT, make));
  }

  private async recorded<T>(asked: Asked, run: (bearer: Bearer) => Promise<T>): Promise<T> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const bearer = await this.bearers.verify(asked.token);
      try {
        return await run(bearer);
      } catch (error) {
        if (error instanceof StaleBearer) this.bearers.forget(bearer);
        else if (error instanceof OAuthError) await this.refuse(asked, bearer, error);
        if (!(error instanceof StaleBearer)) throw error;
      }
    }
    throw unavailable('the zone changed again while the request was looked at');
  }

  private transact<T>(
    bearer: Bearer,
    admission: string,
    make: (caller: Caller) => Promise<T>,
  ): Promise<T> {
    return this.dataSource.transaction('READ COMMITTED', async (tx) => {
      const now = await admit(bearer, tx, admission);
      const { clientId, zoneId } = bearer.claims;
      return make({ clientId, zoneId, bearer, tx, now });
    });
  }

  private append(
    { requestId, type }: Asked,
    { tx, zoneId, bearer }: Caller,
    details: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    return this.ledger.append(tx, zoneId, {
      type,
      outcome: 'done',
      ...requestId,
      ...describe(bearer),
      ...details,
    });
  }

  private async refuse(asked: Asked, bearer: Bearer, error: OAuthError): Promise<void> {
    const committing = this.ledger.commit({
      event_id: uuidv7(),
      zone_id: bearer.zone.zoneId,
      facts: [],
      event: {
        type: asked.type,
        outcome: 'denied',
        ...asked.requestId,
        error: error.code,
        reason: error.detail,
        ...describe(bearer),
      },
    });
    await committing.catch((cause: unknown) => {
      throw unavailable('the ledger cannot record', cause);
    });
  }
}

function describe({ claims }: Bearer) {
  return { client_id: claims.clientId, bearer: { jti: claims.jti, sid: claims.sid } };
}

/** Changes take turns. Operators lock the zone before the graph, and so does everybody here. */
async function lock({ tx, zoneId }: Caller): Promise<void> {
  await tx.query('INSERT INTO delegation_graphs (zone_id) VALUES ($1) ON CONFLICT DO NOTHING', [
    zoneId,
  ]);
  await tx.query('SELECT 1 FROM delegation_graphs WHERE zone_id = $1 FOR UPDATE', [zoneId]);
}
