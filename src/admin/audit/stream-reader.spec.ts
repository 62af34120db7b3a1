import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { chainKey, MOST_CHAINS, readPosition, writePosition } from './stream-position.js';
import {
  GapInChain,
  StreamReader,
  TooManyChains,
  type ChainEnd,
  type StreamedEvent,
  type StreamReads,
} from './stream-reader.js';

const ZONE = '0192f0c1-0000-7000-8000-00000000000a';
const MINUTE = 60_000;

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
let drawn = 0;
/** An id of a moment. */
const idAt = (ms: number) => {
  const time = ms.toString(16).padStart(12, '0');
  drawn += 1;
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${String(drawn).padStart(12, '0')}`;
};
const msOf = (id: string) => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

/** A log in memory, of which a few events at a time are read of each chain. */
class Log implements StreamReads {
  readonly chains = new Map<string, StreamedEvent[]>();

  commit(writer: number, id: string, at: number): string {
    const key = chainKey(ZONE, uuid(writer));
    const chain = this.chains.get(key) ?? [];
    const seq = (chain.at(-1)?.seq ?? 0) + 1;
    const own = { id, zoneId: ZONE, writer: uuid(writer), seq, at, fits: true };
    this.chains.set(key, [...chain, { ...own, hash: '', previousHash: '', text: '' }]);
    return id;
  }

  ends(since: number): Promise<ChainEnd[]> {
    const ends = [...this.chains.values()].flatMap((chain) => chain.at(-1) ?? []);
    return Promise.resolve(ends.filter(({ id }) => msOf(id) >= since));
  }

  lastBefore({ zoneId, writer }: ChainEnd, since: number): Promise<number> {
    const chain = this.chains.get(chainKey(zoneId, writer)) ?? [];
    return Promise.resolve(chain.findLast(({ id }) => msOf(id) < since)?.seq ?? 0);
  }

  next: StreamReads['next'] = (parts, since) =>
    Promise.resolve(
      parts.flatMap(({ zoneId, writer, after, seq }) =>
        (this.chains.get(chainKey(zoneId, writer)) ?? [])
          .filter((event) => event.seq > after && event.seq <= seq && msOf(event.id) >= since)
          .slice(0, 2),
      ),
    );
}

/** A position as a reader gets it and gives it back. */
const again = (reader: StreamReader) => {
  const position = readPosition(writePosition(reader.position));
  if (position === null) throw new Error('no position');
  return position;
};

type Step =
  | { readonly kind: 'commit'; readonly writer: number; readonly late: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'read'; readonly cutAt: number | null };

const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('commit' as const),
      writer: fc.nat({ max: 3 }),
      late: fc.nat({ max: 90_000 }),
    }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 30 * MINUTE }) }),
    fc.record({ kind: fc.constant('read' as const), cutAt: fc.option(fc.nat({ max: 3 })) }),
  ),
  { maxLength: 60 },
);

describe('whatever is committed in whatever order, and wherever a reader is cut off,', () => {
  test('each event is sent once, and those of a chain in their order', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all: readonly Step[]) => {
        const log = new Log();
        let now = 1_800_000_000_000;
        for (let i = 0; i < 3; i += 1) log.commit(i, idAt(now - i * 11 * MINUTE), now - i);
        let reader = await StreamReader.fromNow(log, now);
        const committed: string[] = [];
        const sent: StreamedEvent[] = [];
        const readAll = async (cutAt: number | null) => {
          for (;;) {
            const events = await reader.next();
            for (const [n, event] of events.entries()) {
              if (n === cutAt) {
                reader = StreamReader.from(log, again(reader), now);
                return;
              }
              reader.take(event);
              sent.push(event);
            }
            if (events.length === 0) break;
          }
          reader.settle(now);
          if (cutAt !== null) reader = StreamReader.from(log, again(reader), now);
        };
        for (const step of all) {
          if (step.kind === 'wait') now += step.ms;
          else if (step.kind === 'read') await readAll(step.cutAt);
          else committed.push(log.commit(step.writer, idAt(now - step.late), now));
        }
        await readAll(null);
        await readAll(null);
        expect(sent.map(({ id }) => id).toSorted()).toEqual(committed.toSorted());
        const last = new Map<string, number>();
        for (const { writer, seq } of sent) {
          expect(seq).toBeGreaterThan(last.get(writer) ?? 0);
          last.set(writer, seq);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

test('a clock that was set back does not put an event before the one that comes before it', async () => {
  const log = new Log();
  const now = 1_800_000_000_000;
  const reader = await StreamReader.fromNow(log, now);
  log.commit(1, idAt(now), now + 5_000);
  log.commit(1, idAt(now), now);
  expect((await reader.next()).map(({ seq }) => seq)).toEqual([1, 2]);
});

test('a position names chains no longer than it has to', async () => {
  const log = new Log();
  let now = 1_800_000_000_000;
  const reader = await StreamReader.fromNow(log, now);
  log.commit(1, idAt(now), now);
  for (const event of await reader.next()) reader.take(event);
  expect(reader.position.chains.size).toBe(1);
  now += 30 * MINUTE;
  reader.settle(now);
  expect(reader.position.chains.size).toBe(0);
});

test('what was dropped before it was sent is missed', async () => {
  const log = new Log();
  const now = 1_800_000_000_000;
  const reader = await StreamReader.fromNow(log, now);
  for (let i = 0; i < 3; i += 1) log.commit(1, idAt(now), now);
  const key = chainKey(ZONE, uuid(1));
  log.chains.set(key, (log.chains.get(key) ?? []).slice(1));
  await expect(reader.next()).rejects.toThrow(GapInChain);
});

test('more chains than a position can name end it', async () => {
  const log = new Log();
  const now = 1_800_000_000_000;
  for (let i = 0; i <= MOST_CHAINS; i += 1) log.commit(i, idAt(now), now);
  await expect(StreamReader.fromNow(log, now)).rejects.toThrow(TooManyChains);
  const before = StreamReader.from(log, { since: now - MINUTE, chains: new Map() }, now);
  const looked = vi.spyOn(log, 'lastBefore');
  await expect(before.next()).rejects.toThrow(TooManyChains);
  expect(looked, 'none is looked for by itself').not.toHaveBeenCalled();
});
