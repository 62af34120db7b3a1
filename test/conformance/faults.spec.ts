import { expect, test, beforeAll, describe } from 'vitest';
import type { Configuration } from './configuration.js';
import { configured } from './fake-sts/configured.js';
import { fakeSts } from './fake-sts/fake-sts.js';
import { FAULTS, type Fault } from './fake-sts/faults.js';
import { makeWorld, TOKEN_ENDPOINT, type World } from './fake-sts/world.js';
import { REQUIREMENTS, type RequirementId } from './requirements/requirements.js';
import { openServer, tryAll, type Result } from './run.js';

let world: World;
let configuration: Configuration;

beforeAll(async () => {
  world = await makeWorld();
  configuration = await configured(world);
});

/** What one has to be told of a server that is wrong in such a way. */
function configurationFor(fault: Fault): Configuration {
  const { assertion_client: robot } = configuration;
  switch (fault) {
    case 'has a fragment in its endpoint':
      return { ...configuration, token_endpoint: `${TOKEN_ENDPOINT}#token` };
    case 'has an endpoint without TLS':
      return { ...configuration, token_endpoint: TOKEN_ENDPOINT.replace('https:', 'http:') };
    case 'does not take the issuer as aud':
      if (robot === undefined) throw new Error('there is no such client');
      return {
        ...configuration,
        assertion_client: { ...robot, assertion_audience: TOKEN_ENDPOINT },
      };
    default:
      return configuration;
  }
}

async function run(fault: Fault | null): Promise<readonly Result[]> {
  const settings = fault === null ? configuration : configurationFor(fault);
  return tryAll(await openServer({ ...settings, strict: true }, fakeSts(world, fault)));
}

const idsOf = (results: readonly Result[], outcome: Result['outcome']) =>
  results.filter((result) => result.outcome === outcome).map(({ requirement }) => requirement.id);

test('a server without a fault meets everything that can be asked of it', async () => {
  const results = await run(null);
  expect(idsOf(results, 'failed')).toEqual([]);
  expect(idsOf(results, 'skipped')).toEqual([]);
  // It refuses unknown scope, and does not remember assertions.
  expect(idsOf(results, 'not_applicable')).toEqual([
    'rfc7523-3-replay',
    'rfc6749-3.3-scope-differs',
  ]);
});

describe('each fault is found, and nothing else', () => {
  test.each(Object.entries(FAULTS) as [Fault, readonly RequirementId[]][])(
    'a server that %s',
    async (fault, requirements) => {
      const failed = (await run(fault)).filter(({ outcome }) => outcome === 'failed');
      expect(new Set(failed.map(({ requirement }) => requirement.id))).toEqual(
        new Set(requirements),
      );
    },
  );
});

test('a server that says "not now" is asked again', async () => {
  const answer = fakeSts(world, null);
  let requests = 0;
  const busy: typeof fetch = (input, init) => {
    requests += 1;
    return requests % 3 === 0
      ? Promise.resolve(new Response('', { status: 503, headers: { 'retry-after': '0' } }))
      : answer(input, init);
  };
  const settings = { ...configuration, not_claimed: { 'rfc8414-': 'only tokens are asked for' } };
  const results = await tryAll(await openServer(settings, busy));
  expect(idsOf(results, 'failed')).toEqual([]);
});

test('a server that cannot be reached meets nothing', async () => {
  const answer = fakeSts(world, null);
  const gone: typeof fetch = (input, init) =>
    String(input) === TOKEN_ENDPOINT
      ? Promise.reject(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }))
      : answer(input, init);
  const results = await tryAll(await openServer({ ...configuration, strict: true }, gone));
  const first = results.find(({ requirement }) => requirement.id === 'rfc8693-2.1-grant-type');
  expect(first?.detail).toBe(`${TOKEN_ENDPOINT} cannot be reached: Error: ECONNREFUSED`);
  const passed = idsOf(results, 'passed').filter((id) => !id.startsWith('rfc8414-'));
  expect(passed).toEqual(['rfc6749-3.2-no-fragment', 'rfc6749-3.2-tls']);
});

test('there is a fault for each requirement that can fail', () => {
  const broken = new Set<string>(Object.values(FAULTS).flat());
  const cannotFail = REQUIREMENTS.filter(({ level }) => level === 'MAY').map(({ id }) => id);
  expect(REQUIREMENTS.map(({ id }) => id).filter((id) => !broken.has(id))).toEqual(cannotFail);
});
