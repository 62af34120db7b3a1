import { afterAll, beforeAll, expect, test } from 'vitest';
import { borrowReplica, type Replica } from '../setup/harness.js';
import { openLedgerView, type LedgerView } from '../setup/ledger-view.js';
import { persistently } from '../setup/patience.js';
import { forgerFor } from '../setup/zone-key.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';
import {
  hostileTokens,
  type HostileToken,
  type TokenForger,
} from '../setup/tokens/hostile-tokens.js';

/** How many requests are under way at a time. */
const AT_A_TIME = 16;

/** Refused as part of a form already, whatever parameter it is in; `token-parsing` tests that. */
const NUL_IN_TOKEN = 'a NUL after the signature';
const cases = hostileTokens.filter(({ name }) => name !== NUL_IN_TOKEN);

let replica: Replica;
let zone: TestZone;
let view: LedgerView;
/** A valid session mandate of the client, and a forger that starts from it. */
let subject: { token: string; forger: TokenForger };
/** The same of another client, who may act. */
let actor: { token: string; forger: TokenForger };

beforeAll(async () => {
  replica = await borrowReplica();
  const [own, foreign] = await Promise.all([createTestZone(replica), createTestZone(replica)]);
  zone = own;
  view = await openLedgerView(replica.databaseUrl);
  const colleague = await zone.newClient();
  const arm = async (parameters: Parameters) => {
    const token = String((await zone.session(parameters)).body['access_token']);
    return { token, forger: await forgerFor(zone, foreign, token) };
  };
  subject = await arm({});
  actor = await arm({ client_id: colleague.clientId, client_secret: colleague.secret });
});
afterAll(async () => {
  await view.close();
  await replica.stop();
});

interface Place {
  readonly name: 'subject_token' | 'actor_token';
  readonly forger: () => TokenForger;
  readonly exchange: (token: string) => Promise<Answer>;
}

const places: readonly Place[] = [
  {
    name: 'subject_token',
    forger: () => subject.forger,
    exchange: (token) => zone.exchange({ subject_token: token }),
  },
  {
    name: 'actor_token',
    forger: () => actor.forger,
    exchange: (token) =>
      zone.exchange({
        subject_token: subject.token,
        actor_token: token,
        actor_token_type: ACCESS_TOKEN,
      }),
  },
];

/** Runs a job for each item, some at a time. */
async function inBatches<T, R>(items: readonly T[], job: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AT_A_TIME) {
    // oxlint-disable-next-line no-await-in-loop
    results.push(...(await Promise.all(items.slice(at, at + AT_A_TIME).map(job))));
  }
  return results;
}

test.each(places.map((place) => [place.name, place] as const))(
  'grants what the forged %s starts from',
  async (_name, { forger, exchange }) => {
    expect((await exchange(await forger().sign())).status).toBe(200);
  },
);

test.each(places.map((place) => [place.name, place] as const))(
  'refuses every hostile token as %s, in one body, and records why',
  async (name, { forger, exchange }) => {
    const before = await view.created();
    const attempts = await inBatches(cases, async (hostile: HostileToken) => ({
      hostile,
      answer: await persistently(async () => exchange(await hostile.forge(forger()))),
    }));
    const audit = await view.audit(attempts.map(({ answer }) => answer.requestId));

    // Compared all at once, so that a failure shows every case that is wrong.
    const seen = attempts.map(({ hostile, answer: { status, body, headers, requestId } }) => ({
      name: hostile.name,
      status,
      body: { ...body, requestId: body['requestId'] === requestId },
      cache: headers.get('cache-control'),
      events: audit.get(requestId)?.map(({ outcome, event: { error, reason } }) => ({
        outcome,
        error,
        reason,
      })),
    }));
    expect(seen).toEqual(
      cases.map((hostile) => ({
        name: hostile.name,
        status: 400,
        body: {
          error: 'invalid_request',
          error_description: `the ${name} is not usable`,
          requestId: true,
        },
        cache: 'no-store',
        events: [
          {
            outcome: 'denied',
            error: 'invalid_request',
            reason: `${name}: ${hostile.reason}`,
          },
        ],
      })),
    );
    expect(hostileTokens.length - seen.length).toBe(1);
    expect(await view.created()).toEqual(before);
  },
);

test('records none of the tokens in its log', async () => {
  const hostile = hostileTokens.find(({ reason }) => reason === 'wrong_issuer');
  const token = (await hostile?.forge(subject.forger)) ?? '';
  const { requestId } = await zone.exchange({ subject_token: token });
  await expect.poll(() => replica.logs().some((line) => line.includes(requestId))).toBe(true);
  const [, payload = '', signature = ''] = token.split('.');
  const log = replica.logs().join('\n');
  expect(log).not.toContain(payload);
  expect(log).not.toContain(signature);
});
