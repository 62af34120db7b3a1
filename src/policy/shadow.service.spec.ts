import type { DataSource } from 'typeorm';
import { expect, onTestFinished, test } from 'vitest';
import { isSettled } from '../../test/setup/order.js';
import { evaluate } from './engine/evaluate.js';
import { input, set } from './policy.fixture.js';
import type { ActivePolicy, CandidatePolicy } from './policy-sets.service.js';
import { Shadow } from './shadow.service.js';

const compiled = set('permit (principal, action, resource);');
const ready: ActivePolicy = {
  status: 'ready',
  setVersionId: 'candidate',
  manifestSha256: '',
  compiled,
};

/** A candidate that is compiled when the test says so. */
function compiling() {
  let compile = (_policy: ActivePolicy | null): void => {};
  const opened = new Promise<ActivePolicy | null>((resolve) => (compile = resolve));
  return { candidate: { policy: null, opened } satisfies CandidatePolicy, compile };
}

const candidate: CandidatePolicy = { policy: ready, opened: Promise.resolve(ready) };

const decided = (zoneId = 'zone') => ({
  zoneId,
  clientId: 'client',
  requestId: 'request',
  decisions: [{ input: input(), verdict: evaluate(compiled, input()) }],
});

interface Tally {
  readonly zoneId: string;
  readonly count: number;
}

/** The mode, with what it writes. */
function startShadow(write: () => Promise<void> = async () => {}) {
  const inserts: Tally[][] = [];
  const query = (_text: string, [tallies]: [string]): Promise<void> => {
    inserts.push(JSON.parse(tallies));
    return write();
  };
  const shadow = new Shadow({ query } as Partial<DataSource> as DataSource);
  onTestFinished(() => shadow.onApplicationShutdown());
  return { shadow, inserts };
}

test('storing waits for what is being stored: who reads afterwards misses nothing', async () => {
  let written = (): void => {};
  const { shadow, inserts } = startShadow(() => new Promise((resolve) => (written = resolve)));
  shadow.observe(candidate, decided());
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  const timer = shadow.store();
  const reader = shadow.store();
  await new Promise(setImmediate);
  expect([inserts.length, await isSettled(reader)]).toEqual([1, false]);
  written();
  await Promise.all([timer, reader]);
  expect(inserts).toHaveLength(1);
});

test('who reads sees every request that was answered before, also one that waits for the compiler', async () => {
  const { shadow, inserts } = startShadow();
  const { candidate: late, compile } = compiling();
  shadow.observe(late, decided());
  shadow.observe(candidate, decided());
  const reader = shadow.storeAnswered('zone');
  await new Promise(setImmediate);
  expect([inserts.length, await isSettled(reader)]).toEqual([0, false]);
  compile(ready);
  await reader;
  expect(inserts).toMatchObject([[{ count: 2 }]]);
});

test('who reads waits for no other zone, and no candidate that did not compile is compared', async () => {
  const { shadow, inserts } = startShadow();
  const { candidate: late, compile } = compiling();
  shadow.observe(late, decided('other'));
  await shadow.storeAnswered('zone');
  compile(null);
  await shadow.storeAnswered('other');
  expect(inserts).toEqual([]);
});

test('those who wait for the compiler are few, and keep out no one else', async () => {
  const { shadow, inserts } = startShadow();
  const { candidate: late, compile } = compiling();
  for (let i = 0; i < 1_000; i += 1) shadow.observe(late, decided('late'));
  shadow.observe(candidate, decided());
  await shadow.storeAnswered('zone');
  expect(inserts).toMatchObject([[{ zoneId: 'zone', count: 1 }]]);
  compile(ready);
  await shadow.storeAnswered('late');
  expect(inserts[1]).toMatchObject([{ zoneId: 'late', count: 20 }]);
});
