import * as fc from 'fast-check';
import { decodeJwt } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { exchangeAs } from '../setup/services.js';
import {
  ACCESS_TOKEN,
  createTestZone,
  type Answer,
  type Parameters,
  type TestZone,
} from '../setup/zone.js';

/** Random chains; `TOKEN_CHAINS=500` for the whole proof. */
const CHAINS = Number(process.env['TOKEN_CHAINS'] ?? 30);

/** What each resource of the zone allows. */
const RESOURCES: Readonly<Record<string, readonly string[]>> = {
  'resource://none': [],
  'resource://low': ['s1', 's2'],
  'resource://mid': ['s1', 's2', 's3'],
  'resource://high': ['s2', 's3', 's4'],
};
const NAMES = Object.keys(RESOURCES);
const SCOPES = ['s1', 's2', 's3', 's4', 's5'];
const CAPS = { session: 3_600, resource: 900 };

let replica: Replica;
let zone: TestZone;
let actors: readonly { clientId: string; secret: string }[];

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
  for (const [identifier, scopes] of Object.entries(RESOURCES)) {
    // oxlint-disable-next-line no-await-in-loop
    await zone.admin('POST', '/resources', { identifier, scopes });
  }
  actors = [await zone.newClient(), await zone.newClient()];
});
/** One request, as far as it is about authority. */
interface Wish {
  readonly resources: readonly string[];
  readonly scope: readonly string[] | null;
  readonly ttl: number | null;
}

/** An exchange of the session mandate, perhaps with somebody who acts. */
interface Step extends Wish {
  readonly actor: { readonly who: number; readonly ttl: number } | null;
  readonly inSession: boolean;
}

/** Sessions, and what is then asked for with the mandate of each. */
interface Chain {
  readonly sessions: readonly Wish[];
  readonly steps: readonly Step[];
}

/** What a mandate allows, as its claims say. */
interface Authority {
  readonly scope: readonly string[];
  readonly target: readonly string[];
  readonly iat: number;
  readonly exp: number;
}

const ttl = fc.oneof(
  fc.integer({ min: 30, max: 1_000 }),
  fc.constantFrom(null, 899, 900, 901, 3_599, 3_600, 3_601),
);
/** Some that are mostly within what the session has, so that many steps are granted. */
const wish = {
  resources: fc.oneof(
    fc.subarray(NAMES, { minLength: 1 }),
    fc.subarray(['resource://mid', 'resource://high'], { minLength: 1 }),
  ),
  scope: fc.oneof(
    fc.constant(null),
    fc.subarray(SCOPES, { minLength: 1 }),
    fc.subarray(['s2', 's3'], { minLength: 1 }),
  ),
  ttl,
};
/** What the zone grants, whatever is drawn of it. */
const granted = fc.record({
  resources: fc.subarray(['resource://mid', 'resource://high'], { minLength: 1 }),
  scope: fc.option(fc.subarray(['s2', 's3'], { minLength: 1 }), { nil: null }),
  ttl: fc.integer({ min: 30, max: CAPS.session }),
});
const chain: fc.Arbitrary<Chain> = fc.record({
  sessions: fc.tuple(granted, fc.record(wish)),
  steps: fc.array(
    fc.record({
      ...wish,
      actor: fc.option(
        fc.record({ who: fc.integer({ min: 0, max: 1 }), ttl: fc.integer({ min: 30, max: 900 }) }),
        { nil: null },
      ),
      inSession: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});

function formOf({ resources, scope, ttl: seconds }: Wish): Parameters {
  return {
    resource: resources,
    scope: scope?.join(' '),
    ttl_seconds: seconds === null ? undefined : String(seconds),
  };
}

function common(first: readonly string[], ...others: (readonly string[])[]): string[] {
  return first.filter((one) => others.every((other) => other.includes(one)));
}

/** What should come of a request, worked out from its wish alone. */
function expected(
  { resources, scope, ttl: seconds }: Wish,
  above: Authority | null,
): { error: string } | { scope: readonly string[] } {
  const allowed = resources.map((name) => RESOURCES[name] ?? []);
  const ceiling = common(above?.scope ?? SCOPES, ...allowed);
  if (above !== null && !resources.every((name) => above.target.includes(name))) {
    return { error: 'invalid_target' };
  }
  if (scope !== null && !scope.every((one) => ceiling.includes(one))) {
    return { error: 'invalid_scope' };
  }
  const cap = above === null ? CAPS.session : CAPS.resource;
  if (seconds !== null && seconds > cap) return { error: 'invalid_request' };
  return { scope: scope ?? (above === null ? [] : ceiling) };
}

function authorityOf(token: string): Authority {
  const { scope, target, iat, exp } = decodeJwt<Record<string, unknown>>(token);
  return {
    scope: String(scope).split(' ').filter(Boolean),
    target: target as string[],
    iat: Number(iat),
    exp: Number(exp),
  };
}

/** Checks an answer against what should have come, and returns the mandate if there is one. */
function check(answer: Answer, made: Wish, above: Authority | null): string | null {
  const outcome = expected(made, above);
  // A lifetime beyond every cap is refused before anything else is looked at.
  if (made.ttl !== null && made.ttl > CAPS.session) {
    expect(answer.body['error']).toBe('invalid_request');
    return null;
  }
  if ('error' in outcome) {
    expect(answer.status).toBe(400);
    expect(answer.body['error']).toBe(outcome.error);
    return null;
  }
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  const token = String(answer.body['access_token']);
  const got = authorityOf(token);
  expect(got.scope.toSorted()).toEqual(outcome.scope.toSorted());
  expect(got.target).toEqual(made.resources);
  expect(got.exp - got.iat).toBeLessThanOrEqual(
    Math.min(made.ttl ?? 900, above === null ? CAPS.session : CAPS.resource),
  );
  expect(got.exp).toBeGreaterThan(got.iat);
  return token;
}

async function sessionOf(parameters: Parameters): Promise<Answer> {
  return zone.session({ scope: undefined, ...parameters });
}

async function take(subject: string, step: Step): Promise<void> {
  const above = authorityOf(subject);
  const client = actors[step.actor?.who ?? 0];
  const actor =
    step.actor === null
      ? null
      : String(
          (
            await sessionOf({
              client_id: client?.clientId,
              client_secret: client?.secret,
              ttl_seconds: String(step.actor.ttl),
            })
          ).body['access_token'],
        );
  const from = decodeJwt(subject);
  const answer = await exchangeAs(zone, replica.url, subject, {
    ...(actor === null ? {} : { actor_token: actor, actor_token_type: ACCESS_TOKEN }),
    ...(step.inSession ? { session_id: String(from['sid']) } : {}),
    ...formOf(step),
  });
  const token = check(answer, step, above);
  if (token === null) return;

  // Whatever was asked for: nothing is there that was not there above.
  const got = authorityOf(token);
  expect(common(got.scope, above.scope)).toEqual(got.scope);
  expect(common(got.target, above.target)).toEqual(got.target);
  expect(got.exp).toBeLessThanOrEqual(above.exp);
  if (actor !== null) expect(got.exp).toBeLessThanOrEqual(Number(decodeJwt(actor).exp));
  const claims = decodeJwt(token);
  expect([claims.aud].flat()).toEqual(got.target);
  expect(claims).toMatchObject({
    use: 'resource',
    sub: from.sub,
    sub_type: from['sub_type'],
    zone_id: from['zone_id'],
    sid: from['sid'],
    root_sid: from['root_sid'],
  });
  expect('act' in claims).toBe(actor !== null);

  // And it is the end of the line: a resource mandate cannot be exchanged to grow again.
  const again = await zone.exchange({
    subject_token: token,
    resource: step.resources,
    scope: undefined,
  });
  expect([again.status, again.body['error']]).toEqual([400, 'invalid_request']);
}

test('grants along any chain only what was there above it, and refuses the rest', async () => {
  const seen = { granted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(chain, async ({ sessions, steps }) => {
      for (const session of sessions) {
        // oxlint-disable-next-line no-await-in-loop
        const subject = check(await sessionOf(formOf(session)), session, null);
        seen[subject === null ? 'refused' : 'granted'] += 1;
        // oxlint-disable-next-line no-await-in-loop
        if (subject !== null) await Promise.all(steps.map((step) => take(subject, step)));
      }
    }),
    { numRuns: CHAINS },
  );
  // A run in which nothing was ever granted would prove nothing.
  expect(seen.granted).toBeGreaterThan(10);
  expect(seen.refused).toBeGreaterThan(0);
});
