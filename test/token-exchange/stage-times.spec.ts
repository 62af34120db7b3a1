import { afterAll, beforeAll, expect, test } from 'vitest';
import { borrowReplica, type Replica } from '../setup/harness.js';
import { createTestZone, postForm, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await borrowReplica();
  zone = await createTestZone(replica);
  // After this one, what is known of the zone is what it is: each request is evaluated once.
  expect((await ask()).status).toBe(200);
});

afterAll(async () => {
  await replica?.stop();
});

/** Asks for a session mandate. */
function ask(turned: Record<string, string> = {}) {
  return postForm(replica.url, {
    grant_type: 'client_credentials',
    client_id: zone.clientId,
    client_secret: zone.secret,
    resource: zone.resource,
    ...turned,
  });
}

/** How many times each stage was timed so far. */
async function timed(): Promise<Map<string, number>> {
  const metrics = await (await fetch(`${replica.url}/metrics`)).text();
  const counts = metrics.matchAll(
    /^mandate_exchange_stage_seconds_count\{[^}]*stage="([^"]+)"[^}]*\} (\d+)$/gm,
  );
  return new Map([...counts].map(([, stage = '', count]) => [stage, Number(count)]));
}

test.each([
  [
    'all stages of one that is granted, once each',
    200,
    {},
    'parse identify authenticate limit resolve bind delegate target authorize clear mint record',
  ],
  [
    'those of one that is refused, and the one that refuses it',
    400,
    { resource: 'resource://nowhere' },
    'parse identify authenticate limit resolve bind delegate target authorize',
  ],
  ['the first of one that cannot be read', 400, { resource: 'nowhere' }, 'parse'],
])('of token requests are timed: %s', async (_what, status, turned, stages) => {
  const before = await timed();
  const answer = await ask(turned);
  expect(answer.status).toBe(status);
  const more = [...(await timed())].flatMap(([stage, count]) => {
    const times = count - (before.get(stage) ?? 0);
    return times === 0 ? [] : [`${stage} ${times}`];
  });
  const expected = stages.split(' ').map((stage) => `${stage} 1`);
  expect(more.toSorted()).toEqual(expected.toSorted());
});
