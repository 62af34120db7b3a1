import pg from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import { timeLimits } from '../platform/config/time-limits.js';
import { NO_ZONE, type Entry } from './entry.js';
import { LedgerLane, OutcomeUnknown } from './ledger-lane.js';
import { LedgerConnection, Unanswered } from './ledger.connection.js';

afterEach(() => {
  vi.restoreAllMocks();
});

const IDS: Readonly<Record<string, string>> = {
  first: '00000000-0000-7000-8000-000000000001',
  lost: '00000000-0000-7000-8000-000000000002',
  other: '00000000-0000-7000-8000-000000000003',
};
const nameOf = (id: string): string => Object.keys(IDS).find((name) => IDS[name] === id) ?? id;

const entry = (name: string): Entry => ({
  event_id: IDS[name] ?? '',
  zone_id: NO_ZONE,
  facts: [],
  event: { outcome: 'denied', type: 'test', request_id: 'x' },
});

const RECORDED = [{ id: IDS['lost'], event_text: '{"outcome":"denied"}' }];
const ABSENT: Record<string, unknown>[] = [];

/**
 * A lane whose server refuses each batch of several entries, so that they are committed one by one, and
 * whose answer for the entry `lost` is lost, once.
 *
 * @param found what the server then knows of that entry
 * @param ended whether the process that had it can be ended
 */
function laneThatLoses(found: Record<string, unknown>[], ended: boolean) {
  const sent: string[][] = [];
  let answered = true;
  vi.spyOn(LedgerConnection.prototype, 'end').mockImplementation(() => Promise.resolve(ended));
  vi.spyOn(LedgerConnection.prototype, 'rows').mockImplementation((name, _, values) => {
    if (name === 'ledger_find') return Promise.resolve(found);
    const ids = String(values[4]).slice(1, -1).split(',').map(nameOf);
    sent.push(ids);
    if (ids.length > 1) {
      const refused = new pg.DatabaseError('a value is refused', 0, 'error');
      refused.code = '22P05';
      return Promise.reject(refused);
    }
    if (answered && ids[0] === 'lost') {
      answered = false;
      return Promise.reject(new Unanswered({ pid: 1, since: '1' }, new Error('cut')));
    }
    return Promise.resolve([{ seqs: ['1'], others: null }]);
  });
  const lane = new LedgerLane({
    url: () => 'postgres://nowhere.invalid',
    limits: timeLimits(),
    name: 'test',
    patient: true,
    lockMs: 1,
    observer: { batch: () => {} },
  });
  return { lane, sent };
}

/** They are a batch, which is refused. */
const tryThree = (lane: LedgerLane) =>
  Promise.allSettled(['first', 'lost', 'other'].map((id) => lane.try(entry(id))));

const ONE_BY_ONE = [['first', 'lost', 'other'], ['first'], ['lost']];

test('an entry committed by itself whose answer is lost is looked up', async () => {
  const { lane, sent } = laneThatLoses(RECORDED, true);
  const [, lost, other] = await tryThree(lane);
  const recorded = (id: string) => ({ status: 'recorded', receipt: { eventId: IDS[id] } });
  expect(lost).toEqual({ status: 'fulfilled', value: recorded('lost') });
  expect(other).toEqual({ status: 'fulfilled', value: recorded('other') });
  expect(sent).toEqual([...ONE_BY_ONE, ['other']]);
});

test('an entry committed by itself that is not on record is sent again', async () => {
  const { lane, sent } = laneThatLoses(ABSENT, true);
  const [, lost] = await tryThree(lane);
  expect(lost).toMatchObject({ status: 'fulfilled', value: { status: 'recorded' } });
  expect(sent).toEqual([...ONE_BY_ONE, ['lost'], ['other']]);
});

test('an entry committed by itself that cannot be looked up has an unknown outcome', async () => {
  const { lane } = laneThatLoses(RECORDED, false);
  const [, lost, other] = await tryThree(lane);
  expect(lost).toMatchObject({ status: 'rejected', reason: expect.any(OutcomeUnknown) });
  expect(other).toMatchObject({ status: 'fulfilled', value: { status: 'recorded' } });
});
