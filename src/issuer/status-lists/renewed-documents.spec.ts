import { expect, test, vi } from 'vitest';
import { RenewedDocuments } from './renewed-documents.js';

const PERIOD = 30_000;

/** Documents by a clock that is moved by hand, and what makes them: each is answered by hand as well. */
function newDocuments() {
  let now = 1_000_000;
  const waiting: { resolve(): void; reject(error: Error): void }[] = [];
  const failed = vi.fn<() => void>();
  const documents = new RenewedDocuments<{ readAt: number }>({
    periodMs: PERIOD,
    maxSize: 100,
    sizeOf: () => 1,
    now: () => now,
    failed,
  });
  const make = vi.fn<() => Promise<{ readAt: number }>>(() => {
    const readAt = now;
    return new Promise((resolve, reject) => {
      waiting.push({ resolve: () => resolve({ readAt }), reject });
    });
  });
  const settle = async (error?: Error) => {
    for (const one of waiting.splice(0)) {
      if (error === undefined) one.resolve();
      else one.reject(error);
    }
    await new Promise(setImmediate);
  };
  return {
    documents,
    make,
    failed,
    settle,
    first: async () => {
      const made = documents.get('a', make);
      await settle();
      return (await made)?.readAt;
    },
    pass: (ms: number) => {
      now += ms;
    },
    now: () => now,
  };
}

test('one for which somebody asks is made anew ahead of the end of its period, and only such a one', async () => {
  const { documents, make, settle, first, pass } = newDocuments();
  const began = await first();
  expect(documents.ready('a')?.readAt).toBe(began);
  pass(PERIOD / 2);
  documents.ready('a');
  documents.renewDue();
  expect(make).toHaveBeenCalledTimes(1);
  pass(PERIOD / 2 - 1_000);
  documents.renewDue();
  documents.renewDue();
  expect(make).toHaveBeenCalledTimes(2);
  // Meanwhile the last one is sent.
  expect(documents.ready('a')?.readAt).toBe(began);
  await settle();
  expect(documents.ready('a')?.readAt).toBe(began === undefined ? 0 : began + PERIOD - 1_000);
  for (let round = 0; round < 10; round += 1) {
    pass(PERIOD - 1_000);
    documents.renewDue();
    // oxlint-disable-next-line no-await-in-loop
    await settle();
  }
  // Nobody has asked for two periods.
  expect(make.mock.calls.length).toBeLessThanOrEqual(5);
});

test('one that takes long is begun sooner', async () => {
  const { documents, make, settle, pass } = newDocuments();
  const made = documents.get('a', make);
  pass(10_000);
  await settle();
  await made;
  pass(PERIOD / 2 - 10_000 + 1);
  documents.renewDue();
  expect(make).toHaveBeenCalledTimes(2);
});

test('whoever asks gets the last one while the next one takes long or fails, and none that is older than two periods', async () => {
  const { documents, make, failed, settle, first, pass, now } = newDocuments();
  const began = await first();
  pass(PERIOD + 1_000);
  expect(documents.ready('a')).toBeNull();
  // Nothing settles: after a second the last one is there.
  expect((await documents.get('a', make))?.readAt).toBe(began);
  const waits = documents.get('a', make);
  await settle(new Error('away'));
  expect((await waits)?.readAt).toBe(began);
  expect(failed).toHaveBeenCalledTimes(1);
  pass(PERIOD);
  const refused = documents.get('a', make);
  const refusal = expect(refused).rejects.toThrow('away');
  await settle(new Error('away'));
  await refusal;
  const later = documents.get('a', make);
  await settle();
  expect((await later)?.readAt).toBe(now());
});

test('one that was made before the clock was put back is sent to nobody, and made anew', async () => {
  const { documents, make, settle, first, pass, now } = newDocuments();
  await first();
  pass(-3_600_000);
  expect(documents.ready('a')).toBeNull();
  documents.renewDue();
  expect(make).toHaveBeenCalledTimes(2);
  const made = documents.get('a', make);
  await settle();
  expect((await made)?.readAt).toBe(now());
  expect(documents.ready('a')?.readAt).toBe(now());
});

test('however many ask, one is made once, and what there is not is not kept', async () => {
  const { documents, make, settle } = newDocuments();
  const asked = Array.from({ length: 100 }, () => documents.get('a', make));
  await settle();
  await Promise.all(asked);
  expect(make).toHaveBeenCalledTimes(1);
  expect(await documents.get('b', () => Promise.resolve(null))).toBeNull();
  expect(documents.ready('b')).toBeNull();
});
