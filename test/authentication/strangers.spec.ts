import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { rows, startReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { metric } from '../setup/policies.js';
import { newWorkloadIssuer, postToZone, workloadRequest } from '../setup/workloads.js';
import { createTestZone, postForm, type Answer, type TestZone } from '../setup/zone.js';

/** What is recorded of one address in one zone, and of one zone. */
const OF_ADDRESS = 20;
const OF_ZONE = 60;
const NO_ZONE = '00000000-0000-0000-0000-000000000000';

let replica: Replica;

beforeAll(async () => {
  replica = await startReplica({
    env: { AUDIT_UNAUTHENTICATED: `${OF_ADDRESS}/${OF_ZONE}/100000`, TRUST_PROXY: '1' },
  });
});

afterAll(async () => {
  await replica?.stop();
});

let addresses = 0;
function newAddress(): string {
  addresses += 1;
  return `198.51.${addresses >> 8}.${addresses & 255}`;
}

/** The denials of a zone that were recorded, by whether the caller had proved who it was. */
async function denialsIn(zoneId: string) {
  const [counts] = await rows<{ authenticated: number; strangers: number }>(
    replica.databaseUrl,
    `SELECT count(*) FILTER (WHERE client_id IS NOT NULL)::int AS authenticated,
            count(*) FILTER (WHERE client_id IS NULL)::int AS strangers
       FROM audit_events WHERE zone_id = $1 AND outcome = 'denied'`,
    [zoneId],
  );
  return counts;
}

const unrecorded = (bound: string) =>
  metric(replica, 'mandate_unrecorded_denials_total', { bound });

/** A zone that the server knows already: what is read of it first is read for one, not for ten at once. */
async function knownZone(): Promise<TestZone> {
  const zone = await createTestZone(replica);
  expect((await persistently(() => zone.session())).status).toBe(200);
  return zone;
}

/** Asks so many times, ten at once, and again what is too busy. */
async function flood<T extends { readonly status: number }>(
  times: number,
  ask: (n: number) => Promise<T>,
): Promise<T[]> {
  const answers: T[] = [];
  for (let n = 0; n < times; n += 10) {
    const ten = Array.from({ length: 10 }, (_, i) => persistently(() => ask(n + i)));
    answers.push(...(await Promise.all(ten)));
  }
  return answers;
}

type Junk = (zone: TestZone, address: string) => Promise<Answer>;

const junkAssertion: Junk = (zone, address) =>
  postForm(
    replica.url,
    {
      grant_type: 'client_credentials',
      client_id: zone.clientId,
      client_assertion: 'a.b.c',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      resource: zone.resource,
    },
    { 'X-Forwarded-For': address },
  );

const junkSignature: Junk = (zone, address) =>
  zone.exchange(
    { client_secret: undefined, subject_token: 'x' },
    {
      'X-Forwarded-For': address,
      'X-Caracal-Gateway-Timestamp': String(Math.floor(Date.now() / 1_000)),
      'X-Caracal-Gateway-Request': randomUUID(),
      'X-Caracal-Gateway-Signature': '0'.repeat(64),
    },
  );

const junkToken: Junk = (zone, address) =>
  postToZone(replica.url, zone.zoneId, workloadRequest('a.b.c'), { 'X-Forwarded-For': address });

describe('what is refused before it is authenticated', () => {
  test.each([
    ['a junk assertion', junkAssertion, 401],
    ["a gateway's junk signature", junkSignature, 401],
    ["a workload's junk token", junkToken, 400],
  ])('records so much of %s, and counts the rest', async (_case, junk, status) => {
    const zone = await knownZone();
    const [stranger, before] = [newAddress(), await unrecorded('address')];
    const answers = await flood(100, () => junk(zone, stranger));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([status]));
    expect(await denialsIn(zone.zoneId)).toEqual({ authenticated: 0, strangers: OF_ADDRESS });
    expect(await unrecorded('address')).toBe(before + 100 - OF_ADDRESS);
  });

  test('is a verified token of a workload that is no client, too', async () => {
    const zone = await knownZone();
    const issuer = await newWorkloadIssuer(zone);
    const stranger = newAddress();
    await flood(50, async (n) =>
      postToZone(replica.url, zone.zoneId, workloadRequest(await issuer.token(`job ${n}`)), {
        'X-Forwarded-For': stranger,
      }),
    );
    expect(await denialsIn(zone.zoneId)).toEqual({ authenticated: 0, strangers: OF_ADDRESS });
  });

  test('is one ration, in whichever way it is refused', async () => {
    const zone = await knownZone();
    const stranger = newAddress();
    await flood(30, (n) => (n % 2 === 0 ? junkAssertion : junkSignature)(zone, stranger));
    expect(await denialsIn(zone.zoneId)).toEqual({ authenticated: 0, strangers: OF_ADDRESS });
  });

  test('does not hide what another address does, nor what authenticated callers are denied', async () => {
    const zone = await knownZone();
    const stranger = newAddress();
    await flood(50, () => junkAssertion(zone, stranger));
    const other = await junkAssertion(zone, newAddress());
    expect(await zone.audit(other.requestId)).toMatchObject([{ outcome: 'denied' }]);
    const denied = await flood(50, () =>
      zone.session({ resource: 'resource://unknown' }, { 'X-Forwarded-For': stranger }),
    );
    expect(new Set(denied.map(({ status }) => status))).toEqual(new Set([400]));
    expect(await denialsIn(zone.zoneId)).toEqual({
      authenticated: 50,
      strangers: OF_ADDRESS + 1,
    });
  });

  test('from however many addresses is bounded in its zone, and leaves other zones theirs', async () => {
    const [zone, neighbour] = [await knownZone(), await knownZone()];
    const before = await unrecorded('zone');
    await flood(200, () => junkAssertion(zone, newAddress()));
    expect(await denialsIn(zone.zoneId)).toEqual({ authenticated: 0, strangers: OF_ZONE });
    expect(await unrecorded('zone')).toBe(before + 200 - OF_ZONE);
    await junkAssertion(neighbour, newAddress());
    expect(await denialsIn(neighbour.zoneId)).toEqual({ authenticated: 0, strangers: 1 });
  });

  test('is bounded where no zone can be found for it, too', async () => {
    const stranger = newAddress();
    await flood(50, () =>
      postForm(replica.url, { grant_type: 'nonsense' }, { 'X-Forwarded-For': stranger }),
    );
    expect(await denialsIn(NO_ZONE)).toEqual({ authenticated: 0, strangers: OF_ADDRESS });
  });
});

test('wrong proofs on the page where a challenge is confirmed are rationed, too', async () => {
  const zone = await knownZone();
  await zone.activate(APPROVE_WRITES.replace('"approval"', '"mfa"'));
  const { id } = heldIn(await persistently(() => zone.session({ scope: 'a:write' })));
  const confirm = async (address: string) => {
    const answer = await fetch(`${replica.url}/step-up/${id}/confirm`, {
      method: 'POST',
      body: new URLSearchParams({ assertion: 'x', decision: 'approved' }),
      headers: { 'X-Forwarded-For': address },
    });
    await answer.arrayBuffer();
    return answer;
  };
  const stranger = newAddress();
  const answers = await flood(50, () => confirm(stranger));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400]));
  // The request that was held is one, too.
  expect(await denialsIn(zone.zoneId)).toEqual({ authenticated: 1, strangers: OF_ADDRESS });
  const wrong = () =>
    rows(replica.databaseUrl, 'SELECT wrong_responses FROM challenges WHERE id = $1', [id]);
  expect(await wrong()).toEqual([{ wrong_responses: OF_ADDRESS }]);
  expect((await confirm(newAddress())).status).toBe(400);
  expect(await wrong()).toEqual([{ wrong_responses: OF_ADDRESS + 1 }]);
});
