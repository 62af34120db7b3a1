import { expect } from 'vitest';
import { tokenOf } from './agents.js';
import type { Replica } from './harness.js';
import { expectRefused, openLedgerView, type LedgerView, type Refusal } from './ledger-view.js';
import type { Members } from './tokens/token-forger.js';
import { forgerFor } from './zone-key.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  type Answer,
  type Parameters,
  type TestZone,
} from './zone.js';

/** A zone whose exchanges are looked at, and those beside it whose tokens come into them. */
export interface ExchangingZone {
  readonly zone: TestZone;
  /** Another zone of the same server. */
  readonly foreign: TestZone;
  /** Another client of the zone. */
  readonly colleague: Awaited<ReturnType<TestZone['newClient']>>;
  readonly view: LedgerView;
  /** A session mandate of the other client. */
  readonly colleagueSession: (parameters?: Parameters) => Promise<string>;
  /** A mandate that the zone's key signed; it differs from a real one, or the one that is given, in these claims. */
  readonly forged: (claims: Members, mandate?: string) => Promise<string>;
  /** Expects a refusal, and that it left nothing behind but its record. */
  readonly expectNothing: (run: () => Promise<Answer>, refusal: Refusal) => Promise<void>;
}

/** Makes them. The view is closed by who asked. */
export async function newExchangingZone(replica: Replica): Promise<ExchangingZone> {
  const [zone, foreign] = await Promise.all([createTestZone(replica), createTestZone(replica)]);
  const colleague = await zone.newClient();
  const view = await openLedgerView(replica.databaseUrl);
  return {
    zone,
    foreign,
    colleague,
    view,
    colleagueSession: async (parameters = {}) => {
      const { clientId: client_id, secret: client_secret } = colleague;
      return tokenOf(await zone.session({ client_id, client_secret, ...parameters }));
    },
    forged: async (claims, mandate) => {
      const forger = await forgerFor(zone, foreign, mandate ?? tokenOf(await zone.session()));
      return forger.sign({}, claims);
    },
    expectNothing: async (run, refusal) => {
      const before = await view.created(zone.zoneId);
      await expectRefused(view, await run(), refusal);
      expect(await view.created(zone.zoneId)).toEqual(before);
    },
  };
}

/** The parameters that name an actor. */
export function actedBy(token: string): Parameters {
  return { actor_token: token, actor_token_type: ACCESS_TOKEN };
}

/** What is answered to a subject token that cannot be exchanged, whatever is wrong with it. */
export const UNUSABLE = {
  status: 400,
  error: 'invalid_request',
  description: 'the subject_token is not usable',
};
