import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tokenOf } from '../setup/agents.js';
import {
  actedBy,
  newExchangingZone,
  UNUSABLE,
  type ExchangingZone,
} from '../setup/exchanging-zone.js';
import { sharedReplica } from '../setup/harness.js';
import type { LedgerView } from '../setup/ledger-view.js';
import type { TestZone } from '../setup/zone.js';
import type { Members } from '../setup/tokens/token-forger.js';

let zone: TestZone;
let foreign: TestZone;
let colleague: ExchangingZone['colleague'];
let view: LedgerView;
let colleagueSession: ExchangingZone['colleagueSession'];
let forged: ExchangingZone['forged'];
let expectNothing: ExchangingZone['expectNothing'];

beforeAll(async () => {
  ({ zone, foreign, colleague, view, colleagueSession, forged, expectNothing } =
    await newExchangingZone(await sharedReplica()));
});
afterAll(() => view?.close());

describe('an actor', () => {
  test('grants what names the actor and leaves the subject alone', async () => {
    const before = await view.created(zone.zoneId);
    const actor = await colleagueSession();
    const answer = await zone.exchange(actedBy(actor));
    expect(decodeJwt(tokenOf(answer))).toMatchObject({
      sub: zone.clientId,
      sub_type: 'application',
      client_id: zone.clientId,
      act: { sub: colleague.clientId, client_id: colleague.clientId, sub_type: 'application' },
    });
    expect(await zone.audit(answer.requestId)).toMatchObject([
      {
        event: {
          subject: { sub: zone.clientId },
          actor: { sub: colleague.clientId, jti: decodeJwt(actor).jti },
          mandate: { act: { sub: colleague.clientId } },
        },
      },
    ]);
    expect((await view.created(zone.zoneId)).sessions).toBe(before.sessions + 2);
  });

  test.each([
    ['no type', undefined],
    ['an empty type', ''],
  ])('whose token comes with %s is one by an access token', async (_what, actor_token_type) => {
    const actor_token = await colleagueSession();
    const answer = await zone.exchange({ actor_token, actor_token_type });
    const act = { sub: colleague.clientId };
    expect(decodeJwt(tokenOf(answer))).toMatchObject({ act });
    expect(await zone.audit(answer.requestId)).toMatchObject([{ event: { actor: act } }]);
    const subject_token = tokenOf(await zone.session());
    const wrong = { subject_token, actor_token: 'aaa.bbb.ccc', actor_token_type };
    await expectNothing(() => zone.exchange(wrong), {
      status: 400,
      error: 'invalid_request',
      description: /actor_token is not usable/,
    });
  });

  test('grants with earlier actors below, the current one outermost', async () => {
    const earlier = { sub: 'second', act: { sub: 'first', client_id: colleague.clientId } };
    const subject_token = await forged({ act: earlier, sub: 'alice', sub_type: 'user' });
    const answer = await zone.exchange({ subject_token, ...actedBy(await colleagueSession()) });
    expect(decodeJwt(tokenOf(answer))).toMatchObject({
      sub: 'alice',
      sub_type: 'user',
      client_id: zone.clientId,
      act: {
        sub: colleague.clientId,
        client_id: colleague.clientId,
        sub_type: 'application',
        act: earlier,
      },
    });
  });

  test('grants with earlier actors kept if nobody new acts', async () => {
    const act = { sub: 'second', act: { sub: 'first' } };
    const answer = await zone.exchange({ subject_token: await forged({ act }) });
    expect(decodeJwt(tokenOf(answer))['act']).toEqual(act);
  });

  test('grants ten actors, and refuses an eleventh', async () => {
    const chain = (depth: number): Members =>
      depth === 0 ? {} : { act: { sub: `actor-${depth}`, ...chain(depth - 1) } };
    const actor = actedBy(await colleagueSession());
    tokenOf(await zone.exchange({ subject_token: await forged(chain(9)), ...actor }));
    const subject_token = await forged(chain(10));
    tokenOf(await zone.exchange({ subject_token }));
    await expectNothing(() => zone.exchange({ subject_token, ...actor }), {
      status: 400,
      error: 'invalid_request',
      reason: /chain of actors/,
    });
  });

  test("grants no life beyond the actor token's", async () => {
    const actor = await colleagueSession({ ttl_seconds: '60' });
    const answer = await zone.exchange(actedBy(actor));
    expect(decodeJwt(tokenOf(answer)).exp).toBe(decodeJwt(actor).exp);
  });

  test.each<[string, () => Promise<string>, string]>([
    [
      'the principal of the subject',
      async () => tokenOf(await zone.session()),
      'of the same principal as the subject token',
    ],
    ['a resource mandate', async () => tokenOf(await zone.exchange()), 'not a session mandate'],
    ['a mandate of another zone', async () => tokenOf(await foreign.session()), 'unknown_kid'],
    [
      'somebody who is acted for',
      () => forged({ sub: 'bob', act: { sub: 'x' } }),
      'has an actor itself',
    ],
    ['what is no token', () => Promise.resolve('x'), 'not_three_segments'],
  ])('refuses %s', async (_name, make, reason) => {
    const actor = await make();
    await expectNothing(
      async () => zone.exchange({ subject_token: await subjectOnce(), ...actedBy(actor) }),
      {
        status: 400,
        error: 'invalid_request',
        description: 'the actor_token is not usable',
        reason: `actor_token: ${reason}`,
      },
    );
  });

  /** One session for the table above, so that it can count what was created. */
  let once: string | undefined;
  async function subjectOnce(): Promise<string> {
    once ??= tokenOf(await zone.session());
    return once;
  }
  beforeAll(subjectOnce);

  test('refuses an actor whose session has ended, and one whose client is disabled', async () => {
    const actor = await colleagueSession();
    await zone.admin('DELETE', `/sessions/${String(decodeJwt(actor)['sid'])}`);
    const subject_token = tokenOf(await zone.session());
    await expectNothing(() => zone.exchange({ subject_token, ...actedBy(actor) }), {
      status: 400,
      error: 'invalid_grant',
      reason: "the actor token's session is not alive",
    });
    const gone = await zone.newClient();
    const theirs = tokenOf(
      await zone.session({ client_id: gone.clientId, client_secret: gone.secret }),
    );
    await zone.admin('PATCH', `/clients/${gone.clientId}`, { disabled: true });
    await expectNothing(() => zone.exchange({ subject_token, ...actedBy(theirs) }), {
      status: 400,
      error: 'invalid_request',
      reason: 'actor_token: of a client that is disabled or gone',
    });
  });
});

describe('may_act', () => {
  /** Made on the spot, since clients are only known once the zone is. */
  const obeyed: Record<string, () => [mayAct: Members, byColleague: boolean]> = {
    'the actor by sub': () => [{ sub: colleague.clientId }, true],
    'the actor by client_id': () => [{ client_id: colleague.clientId }, true],
    'the actor by all that is known': () => [
      { iss: zone.issuer, sub: colleague.clientId, client_id: colleague.clientId },
      true,
    ],
    'the client itself, which needs no actor token': () => [{ sub: zone.clientId }, false],
  };
  for (const [name, make] of Object.entries(obeyed)) {
    test(`grants to ${name}, and hands it on`, async () => {
      const [mayAct, byColleague] = make();
      const subject_token = await forged({ sub: 'alice', sub_type: 'user', may_act: mayAct });
      const actor = byColleague ? actedBy(await colleagueSession()) : {};
      const answer = await zone.exchange({ subject_token, ...actor });
      expect(decodeJwt(tokenOf(answer))).toMatchObject({ sub: 'alice', may_act: mayAct });
    });
  }

  const disobeyed: Record<string, () => [mayAct: Members, byColleague: boolean]> = {
    'another actor': () => [{ sub: zone.clientId }, true],
    'the client itself though it names another': () => [{ sub: colleague.clientId }, false],
    'an actor that matches one member of two': () => [
      { sub: colleague.clientId, client_id: zone.clientId },
      true,
    ],
    'an actor of another issuer': () => [
      { sub: colleague.clientId, iss: 'https://evil.example' },
      true,
    ],
    'anybody if it has a member that nobody knows': () => [
      { sub: colleague.clientId, group: 'admins' },
      true,
    ],
    'anybody if it is empty': () => [{}, true],
    'anybody if it names a list': () => [{ sub: [colleague.clientId] }, true],
  };
  for (const [name, make] of Object.entries(disobeyed)) {
    test(`refuses ${name}`, async () => {
      const [mayAct, byColleague] = make();
      const subject_token = await forged({ may_act: mayAct });
      const actor = byColleague ? actedBy(await colleagueSession()) : {};
      await expectNothing(() => zone.exchange({ subject_token, ...actor }), {
        ...UNUSABLE,
        reason: 'subject_token: may_act names another actor',
      });
    });
  }
});
