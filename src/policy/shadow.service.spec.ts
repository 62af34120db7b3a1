import type { DataSource } from 'typeorm';
import { expect, onTestFinished, test } from 'vitest';
import { isSettled } from '../../test/setup/order.js';
import { evaluate } from './engine/evaluate.js';
import { input, set } from './policy.fixture.js';
import { Shadow } from './shadow.service.js';

test('storing waits for what is being stored: who reads afterwards misses nothing', async () => {
  let written = (): void => {};
  const inserts: unknown[] = [];
  const query = (_text: string, values: unknown[]): Promise<void> => {
    inserts.push(values);
    return new Promise((resolve) => (written = resolve));
  };
  const shadow = new Shadow({ query } as Partial<DataSource> as DataSource);
  onTestFinished(() => shadow.onApplicationShutdown());
  const compiled = set('permit (principal, action, resource);');
  shadow.observe(
    { policy: { status: 'ready', setVersionId: 'candidate', manifestSha256: '', compiled } },
    {
      zoneId: 'zone',
      clientId: 'client',
      requestId: 'request',
      decisions: [{ input: input(), verdict: evaluate(compiled, input()) }],
    },
  );
  await new Promise(setImmediate);
  const timer = shadow.store();
  const reader = shadow.store();
  await new Promise(setImmediate);
  expect([inserts.length, await isSettled(reader)]).toEqual([1, false]);
  written();
  await Promise.all([timer, reader]);
  expect(inserts).toHaveLength(1);
});
