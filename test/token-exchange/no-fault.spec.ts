/**
 * Whatever a trusted issuer says, and however often what came of it is exchanged again, the answer is a
 * mandate or a refusal, and never a fault of ours.
 */
import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gatewayHeaders, newGatewayKey } from '../setup/gateway.js';
import { startReplica, type Replica } from '../setup/harness.js';
import { openLedgerView, type LedgerView } from '../setup/ledger-view.js';
import { persistently } from '../setup/patience.js';
import { exchangeAs, newService, type Service, type TestClient } from '../setup/services.js';
import { foreignForger, newKey, secondsNow } from '../setup/tokens/foreign-tokens.js';
import type { TokenForger } from '../setup/tokens/token-forger.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  postForm,
  TOKEN_EXCHANGE,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const AUDIENCE = 'https://mandate.example';
const KEY = newGatewayKey();
/** Random tokens and chains; `TOKEN_CHAINS=500` for the whole proof. */
const CHAINS = Number(process.env['TOKEN_CHAINS'] ?? 30);
/** The most mandates that one may be exchanged from, which `docs/exchange.md` names. */
const MAX_EXCHANGES = 12;

let replica: Replica;
let zone: TestZone;
let view: LedgerView;
let forger: TokenForger;
/** Clients that own a resource each, and so may ask on behalf of whoever calls it. */
let services: readonly Service[];

beforeAll(async () => {
  replica = await startReplica({ env: { GATEWAY_HMAC_KEY: KEY } });
  zone = await createTestZone(replica);
  view = await openLedgerView(replica.databaseUrl);
  services = await Promise.all(
    ['one', 'other'].map((name) => newService(zone, `resource://${name}`, ['a:read'])),
  );
  const [key, otherKey] = await Promise.all([newKey('ES256', 'idp'), newKey('ES256', 'other')]);
  const issuer = `https://idp-${randomUUID()}.example`;
  await zone.admin('POST', '/issuers', {
    issuer,
    jwks: { keys: [key.publicJwk] },
    audiences: [AUDIENCE],
    token_types: ['jwt', 'id_token'],
    label_claims: ['groups', 'department', '/realm/roles'],
  });
  const claims = () => {
    const now = secondsNow();
    return { iss: issuer, sub: 'alice', aud: AUDIENCE, iat: now, exp: now + 3_000 };
  };
  forger = foreignForger('ES256', key, otherKey, claims);
});
afterAll(async () => {
  await view?.close();
  await replica?.stop();
});

const tokenOf = ({ body }: Answer): string => String(body['access_token']);

/** An exchange by a client, with its secret. */
function exchange(
  client: TestClient,
  subject_token: string,
  parameters: Parameters,
): Promise<Answer> {
  return persistently(() =>
    exchangeAs(client, replica.url, subject_token, { scope: 'a:read', ...parameters }),
  );
}

/** An exchange through a gateway, of a mandate for the resource that it is for already. */
function throughGateway(subject_token: string): Promise<Answer> {
  const { client_id, target } = decodeJwt<{ client_id: string; target: string[] }>(subject_token);
  const parameters = {
    grant_type: TOKEN_EXCHANGE,
    client_id,
    subject_token,
    subject_token_type: ACCESS_TOKEN,
    resource: String(target[0]),
    scope: 'a:read',
  };
  const body = new URLSearchParams(parameters).toString();
  // Signed anew each time: a signature is good for one attempt.
  return persistently(() => postForm(replica.url, parameters, gatewayHeaders({ key: KEY, body })));
}

/** Expects a mandate, or a refusal that says whose fault it is and is recorded as one. */
async function expectNoFault(answer: Answer, what: unknown): Promise<void> {
  const said = JSON.stringify({ what, body: answer.body });
  expect([200, 400, 403], said).toContain(answer.status);
  const events = (await view.audit([answer.requestId])).get(answer.requestId);
  expect(events?.[0]?.outcome, said).toBe(answer.status === 200 ? 'issued' : 'denied');
}

/** A claim as an issuer may write it: text, so that it can be what `JSON.stringify` would not make. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('', ' ', 'pwd', 'a'.repeat(200), 'a'.repeat(201), 'é'.repeat(4_000), '\u202Eb'),
  fc.constantFrom('\u0000', '\uD800', '\uFFFD', '\uFEFFa', '__proto__', 'alice', '0', 'null'),
);
const number = fc.constantFrom(
  '0',
  '-0',
  '0.5',
  '1',
  '1.5',
  '-1',
  '1e-400',
  '1e308',
  '1e400',
  '9007199254740991',
  '9007199254740993',
  '253402300800',
  '1800000000',
  '1800000000.999',
  '4102444800',
);
const scalar = fc.oneof(
  text.map((value) => JSON.stringify(value)),
  number,
  fc.constantFrom('null', 'true', 'false', '{}', '[]'),
);
const list = fc
  .oneof(fc.array(scalar, { maxLength: 25 }), fc.array(fc.constantFrom('"pwd"', '"otp"')))
  .map((members) => `[${members.join()}]`);
const nested = fc
  .tuple(fc.constantFrom('act', 'sub', 'iss', 'roles'), fc.integer({ min: 1, max: 40 }), scalar)
  .map(([name, depth, value]) => `{"${name}":`.repeat(depth) + value + '}'.repeat(depth));
const any = fc.oneof(
  scalar,
  list,
  nested,
  fc.jsonValue({ stringUnit: 'binary' }).map((value) => JSON.stringify(value)),
);
/** For each claim what may pass, more often than what cannot. */
const claims = fc.record(
  {
    acr: fc.oneof(
      text.map((value) => JSON.stringify(value)),
      any,
    ),
    amr: fc.oneof(list, any),
    auth_time: fc.oneof(number, any),
    azp: any,
    act: fc.option(any, { nil: undefined, freq: 20 }),
    may_act: fc.option(any, { nil: undefined, freq: 20 }),
    aud: fc.oneof(fc.constantFrom(`"${AUDIENCE}"`, `["${AUDIENCE}","x"]`), any),
    sub: fc.oneof(
      text.map((value) => JSON.stringify(value)),
      fc.constant('"alice"'),
      any,
    ),
    jti: any,
    iat: fc.oneof(number, any),
    nbf: fc.oneof(number, any),
    exp: fc.oneof(fc.constantFrom('4102444800', '4102444800.5', '9007199254740991'), any),
    groups: any,
    department: any,
    realm: fc.oneof(
      list.map((roles) => `{"roles":${roles}}`),
      any,
    ),
    scope: any,
    client_id: any,
    sid: any,
    sub_iss: any,
    sub_labels: any,
    ancestors: any,
    zone_id: any,
    use: any,
  },
  { requiredKeys: [] },
);
/** Few at a time, since each that is refused hides all others. */
const few = claims.chain((all) =>
  fc.subarray(Object.entries(all), { maxLength: 4 }).map((some) => new Map(some)),
);

function payloadOf(said: ReadonlyMap<string, string | undefined>): string {
  const good = Object.entries(forger.claims()).filter(([name]) => !said.has(name));
  const members = [
    ...good.map(([name, value]) => [name, JSON.stringify(value)]),
    ...[...said].filter(([, value]) => value !== undefined),
  ];
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`;
}

const asUser = async (said: ReadonlyMap<string, string | undefined>, service: Service) =>
  exchange(zone, await forger.signRaw(forger.headerJson(), payloadOf(said)), {
    subject_token_type: JWT,
    resource: service.resource,
  });

describe('a token of a trusted issuer', () => {
  test.each([
    ['no methods', 'amr', '[]'],
    ['a method twice', 'amr', '["pwd","pwd"]'],
    ['a time with a fraction', 'auth_time', '1700000000.5'],
  ])('is taken with %s, and so is what comes of it', async (_, name, value) => {
    const [service] = services;
    if (service === undefined) throw new Error('no service');
    const answer = await asUser(new Map([[name, value]]), service);
    expect(answer).toMatchObject({ status: 200 });
    const again = await exchange(service, tokenOf(answer), { resource: zone.resource });
    expect(again).toMatchObject({ status: 200 });
    const { amr, auth_time } = decodeJwt(tokenOf(again));
    expect({ amr, auth_time }).toEqual({
      amr: value.includes('pwd') ? ['pwd'] : undefined,
      auth_time: name === 'auth_time' ? 1_700_000_000 : undefined,
    });
  });

  test('is refused for a time before there was any', async () => {
    const [service] = services;
    if (service === undefined) throw new Error('no service');
    const answer = await asUser(new Map([['auth_time', '0.5']]), service);
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    expect(await zone.audit(answer.requestId)).toMatchObject([
      { outcome: 'denied', event: { reason: 'subject_token: invalid_authentication' } },
    ]);
  });

  test('is exchanged or refused, whatever it says, and so is what comes of it', async () => {
    let granted = 0;
    await fc.assert(
      fc.asyncProperty(few, fc.constantFrom(...services), async (said, service) => {
        const answer = await asUser(said, service);
        await expectNoFault(answer, [...said]);
        if (answer.status !== 200) return;
        granted += 1;
        const again = await exchange(service, tokenOf(answer), { resource: zone.resource });
        await expectNoFault(again, [...said]);
      }),
      { numRuns: CHAINS * 5 },
    );
    expect(granted).toBeGreaterThan(CHAINS / 2);
  });
});

describe('a chain of exchanges', () => {
  test('has an end that is a refusal, before a person is asked or anything is signed', async () => {
    let subject = tokenOf(await zone.exchange());
    for (let count = 1; count < MAX_EXCHANGES; count += 1) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await throughGateway(subject);
      expect(answer, `exchange ${count}`).toMatchObject({ status: 200 });
      subject = tokenOf(answer);
    }
    expect(decodeJwt(subject)['ancestors']).toHaveLength(MAX_EXCHANGES);
    const answer = await throughGateway(subject);
    expect(answer).toMatchObject({
      status: 400,
      body: {
        error: 'invalid_request',
        error_description: `the chain of exchanges is longer than ${MAX_EXCHANGES}`,
      },
    });
    expect(await zone.audit(answer.requestId)).toMatchObject([
      { outcome: 'denied', event: { reason: /chain of exchanges/ } },
    ]);
  });

  test('comes to mandates and refusals only, whoever goes on with it', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constant('narrow') },
      { weight: 2, arbitrary: fc.constantFrom('on behalf', 'on behalf, with an actor') },
      { weight: 1, arbitrary: fc.constantFrom('by the client itself') },
    );
    let refusedForLength = 0;
    let longest = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(step, { minLength: 8, maxLength: 20 }),
        async (fromIssuer, steps) => {
          const [one, other] = services;
          if (one === undefined || other === undefined) throw new Error('no services');
          const first = fromIssuer
            ? await asUser(new Map(), one)
            : await zone.exchange({
                subject_token: tokenOf(await zone.session({ resource: one.resource })),
                resource: one.resource,
              });
          expect(first).toMatchObject({ status: 200 });
          let subject = tokenOf(first);
          for (const kind of steps) {
            // oxlint-disable-next-line no-await-in-loop
            const answer = await takeStep(kind, subject, one, other);
            // oxlint-disable-next-line no-await-in-loop
            await expectNoFault(answer, { kind, steps });
            if (answer.status === 200) subject = tokenOf(answer);
            const { ancestors } = decodeJwt<{ ancestors?: string[] }>(subject);
            longest = Math.max(longest, ancestors?.length ?? 0);
            const { error_description: description } = answer.body;
            if (String(description).startsWith('the chain of')) refusedForLength += 1;
          }
        },
      ),
      { numRuns: CHAINS },
    );
    expect(longest).toBe(MAX_EXCHANGES);
    expect(refusedForLength).toBeGreaterThan(0);
  });
});

async function takeStep(
  kind: string,
  subject: string,
  one: Service,
  other: Service,
): Promise<Answer> {
  if (kind === 'narrow') return throughGateway(subject);
  const { target } = decodeJwt<{ target: string[] }>(subject);
  // Whose resource the mandate is for asks for the other's.
  const [owner, next] = target[0] === one.resource ? [one, other] : [other, one];
  if (kind === 'by the client itself') return exchange(zone, subject, { resource: next.resource });
  if (kind === 'on behalf') return exchange(owner, subject, { resource: next.resource });
  const actor = await zone.session({
    client_id: next.clientId,
    client_secret: next.secret,
    resource: next.resource,
  });
  return exchange(owner, subject, {
    resource: next.resource,
    actor_token: tokenOf(actor),
    actor_token_type: ACCESS_TOKEN,
  });
}
