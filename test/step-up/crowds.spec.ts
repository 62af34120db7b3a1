/** A row that is locked holds up those who want that row: they wait in the process, and hold few connections. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applicationOf, type TestApplication } from '../setup/agents.js';
import { bindingOf, DESK, openDesk } from '../setup/approvals.js';
import { codeOf } from '../setup/authenticator-app.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { borrowReplica, rows, type Replica } from '../setup/harness.js';
import { whileOpen, type Statement } from '../setup/locks.js';
import { fragmentOf, keyOn, openPage } from '../setup/pages.js';
import { persistently } from '../setup/patience.js';
import { until } from '../setup/process.js';
import { newProofSystem, reportProof } from '../setup/proof-systems.js';
import { createTestZone, type Answer, type TestZone } from '../setup/zone.js';
import { databaseOf } from '../setup/zone-database.js';
import { createZonesBeside } from '../setup/zones-beside.js';

const CROWD = 50;

let replica: Replica;
let neighbour: TestZone;
let neighbourly: TestApplication;

beforeAll(async () => {
  replica = await borrowReplica();
  neighbour = await withApprovers(await createTestZone(replica));
  neighbourly = await applicationOf(neighbour, neighbour);
});
afterAll(async () => {
  await replica?.stop();
});

async function withApprovers(zone: TestZone, policy = APPROVE_WRITES): Promise<TestZone> {
  await openDesk(zone);
  await zone.activate(policy);
  return zone;
}

/** One whose requests have the same connections as the neighbour's. */
async function zoneBeside(): Promise<TestZone> {
  const [zone] = await createZonesBeside(neighbour, 1);
  if (zone === undefined) throw new Error('no zone was made');
  return zone;
}

async function zoneWithApprovers(policy = APPROVE_WRITES): Promise<TestZone> {
  return withApprovers(await zoneBeside(), policy);
}

let turn = 0;
function newChallenge(zone: TestZone) {
  turn += 1;
  return zone.session({ scope: 'a:write', ttl_seconds: String(60 + turn) }).then(heldIn);
}

/** An application that may decide in a zone. @returns how it decides on a challenge that it has looked at */
async function approverOf(zone: TestZone) {
  const approver = await applicationOf(zone);
  const token = await approver.bearer({ resource: DESK, scope: 'challenge:decide' });
  return async (id: string) => {
    const seen = await approver.call('GET', `/step-up/${id}/request`, undefined, { token });
    const binding = bindingOf(seen.body['request']);
    const body = { decision: 'approved', reason: 'looks right', binding };
    return () => approver.call('POST', `/step-up/${id}/decision`, body, { token });
  };
}

/** How many of the shared connections wait for a lock. */
const waiting = async () =>
  (
    await rows(
      await databaseOf(replica.databaseUrl, neighbour.zoneId),
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
          AND wait_event_type = 'Lock' AND application_name = ''`,
    )
  ).length;

/** What a crowd wants at once, and the row that it is about. */
interface Crowd {
  readonly row: Statement;
  readonly ask: () => Promise<{ readonly status: number }>;
  /** What is answered to one of them, and to those after it. */
  readonly first: number;
  readonly later: readonly number[];
  /** Finds what that one has done, by the zone. */
  readonly done: string;
}

const CHALLENGE = 'SELECT 1 FROM challenges WHERE zone_id = $1 AND id = $2 FOR UPDATE';
const DECIDED = "SELECT 1 FROM challenges WHERE zone_id = $1 AND decision = 'approved'";

async function approvers(): Promise<Crowd> {
  const zone = await zoneWithApprovers();
  const { id } = await newChallenge(zone);
  const decide = await (await approverOf(zone))(id);
  return {
    row: [CHALLENGE, [zone.zoneId, id]],
    ask: decide,
    first: 200,
    later: [409],
    done: DECIDED,
  };
}

async function proofSystems(): Promise<Crowd> {
  const zone = await zoneWithApprovers();
  const { id } = await newChallenge(zone);
  const challenge = await zone.admin('GET', `/challenges/${id}`);
  const system = await newProofSystem(zone);
  const body = { binding: challenge['binding'], by: { sub: 'carol' } };
  const ask = () => reportProof(zone, system, id, { body });
  return { row: [CHALLENGE, [zone.zoneId, id]], ask, first: 204, later: [409], done: DECIDED };
}

async function subjects(): Promise<Crowd> {
  const zone = await zoneWithApprovers(APPROVE_WRITES.replace('"approval"', '"mfa"'));
  const made = await zone.admin('POST', '/authenticators', {
    subject: zone.clientId,
    kind: 'totp',
  });
  const { id, confirmUri } = await newChallenge(zone);
  const fields = { link: fragmentOf(confirmUri), decision: 'approved' };
  const ask = () =>
    openPage(replica, `/step-up/${id}/confirm`, {
      ...fields,
      code: codeOf(String(made['secret'])),
    });
  // The count of guesses is locked, which comes first: a code is good once, so there are few who come to the challenge.
  await rows(
    replica.databaseUrl,
    `INSERT INTO step_up_attempts (zone_id, key, tokens) VALUES ($1, $2, 5)`,
    [zone.zoneId, `codes for ${id}`],
  );
  const count = 'SELECT 1 FROM step_up_attempts WHERE zone_id = $1 AND key = $2 FOR UPDATE';
  return {
    row: [count, [zone.zoneId, `codes for ${id}`]],
    ask,
    first: 200,
    later: [400, 409, 429],
    done: DECIDED,
  };
}

async function enrolling(): Promise<Crowd> {
  const zone = await zoneBeside();
  const made = await zone.admin('POST', '/authenticators/enrolments', { subject: 'alice' });
  const link = fragmentOf(made['enrolment_url']);
  const key = keyOn((await openPage(replica, '/step-up/enrol', { link })).text);
  const ask = () => openPage(replica, '/step-up/enrol', { link, code: codeOf(key) });
  const row = 'SELECT 1 FROM enrolments WHERE zone_id = $1 FOR UPDATE';
  const enrolled = "SELECT 1 FROM authenticators WHERE zone_id = $1 AND kind = 'totp'";
  return { row: [row, [zone.zoneId]], ask, first: 200, later: [404], done: enrolled };
}

test.each([
  ['approvers at one challenge', approvers],
  ['reports of a proof system on one challenge', proofSystems],
  ['people with codes for one challenge', subjects],
  ['people with one link to register by', enrolling],
])('%s wait on one connection, and leave the others to other zones', async (_who, gather) => {
  const { row, ask, first, later, done } = await gather();
  const [decideThere, there] = [await approverOf(neighbour), await newChallenge(neighbour)];
  const decide = await decideThere(there.id);
  const [token, agent] = [await neighbourly.bearer(), await neighbourly.open()];
  const crowd = await whileOpen(replica.databaseUrl, row, async () => {
    const asked = Array.from({ length: CROWD }, ask);
    await until(async () => (await waiting()) > 0);
    // A busy machine may say "not now" by itself: what counts is what waits at the lock meanwhile.
    const seen: number[] = [];
    const look = async (): Promise<Answer> => {
      const answer = await neighbourly.call('GET', `/agent-sessions/${agent}`, undefined, {
        token,
      });
      seen.push(await waiting());
      return answer;
    };
    for (let looks = 0; looks < 4; looks += 1) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await persistently(look)).status).toBe(200);
    }
    expect((await persistently(decide)).status).toBe(200);
    expect(Math.max(...seen, await waiting())).toBeLessThanOrEqual(1);
    return asked;
  });
  const statuses = (await Promise.all(crowd)).map(({ status }) => status);
  // Those who stood at the lock for too long are told "not now"; nobody gets anything else.
  expect(statuses.filter((status) => ![first, ...later, 503].includes(status))).toEqual([]);
  // On a busy machine that may have been all of them, or the one whose answer came too late.
  const last = await persistently(ask);
  const granted = [...statuses, last.status].filter((status) => status === first);
  expect(granted.length).toBeLessThanOrEqual(1);
  expect(await rows(replica.databaseUrl, done, [row[1][0]])).toHaveLength(1);
});

test('a challenge that is locked keeps nobody from deciding on another of its zone', async () => {
  const zone = await zoneWithApprovers();
  const [decide, locked, other] = [
    await approverOf(zone),
    await newChallenge(zone),
    await newChallenge(zone),
  ];
  const [here, there] = [await decide(locked.id), await decide(other.id)];
  const lock: Statement = [CHALLENGE, [zone.zoneId, locked.id]];
  const crowd = await whileOpen(replica.databaseUrl, lock, async () => {
    const asked = Array.from({ length: CROWD }, here);
    await until(async () => (await waiting()) > 0);
    expect((await persistently(there)).status).toBe(200);
    return asked;
  });
  const statuses = (await Promise.all(crowd)).map(({ status }) => status);
  // As above: on a busy machine all of them may have been told "not now", or the one that it was.
  await persistently(here);
  expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(1);
  const decided = "SELECT 1 FROM challenges WHERE id = $1 AND decision = 'approved'";
  expect(await rows(replica.databaseUrl, decided, [locked.id])).toHaveLength(1);
});
