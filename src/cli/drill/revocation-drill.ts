import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../platform/config/clock.js';
import type { CommandResult } from '../command-result.js';
import {
  byExchange,
  byIntrospection,
  byStatusList,
  FeedListener,
  honouredFor,
  placeOf,
} from './drill-channels.js';
import { reportOf, type Measured } from './drill-report.js';
import type { Progress } from '../progress.js';
import { SignalListener } from './signal-listener.js';
import {
  claimsOf,
  DrillFailed,
  DrillZone,
  send,
  type DrillMandate,
  type Installation,
} from './drill-zone.js';

/** Mandates that are asked about at once. */
const AT_ONCE = 8;
/** Seconds for which a channel is asked of which no bound is stated, or 0. */
const PATIENCE = 10;

const NOT_THERE = 'not there';

/** A mandate that was taken back, and when that was answered, by `performance.now`. */
interface Revoked extends DrillMandate {
  readonly since: number;
  /** Seconds of its life that were left. */
  readonly left: number;
}

/**
 * `drill revocation`: issues mandates, takes them back, and measures by each channel for how long they are honoured after
 * that was answered.
 *
 * @param zoneId a zone whose policy permits it; `null` for one of its own, which is removed again
 * @param count how many mandates
 * @param progress is told how far it is
 * @throws {DrillFailed} if it cannot be done
 */
export async function drillRevocation(
  at: Installation,
  zoneId: string | null,
  count: number,
  progress: Progress,
): Promise<CommandResult> {
  const zone = await DrillZone.open(at, zoneId);
  let outcome: CommandResult;
  try {
    outcome = await drill(at, zone, count, progress);
  } catch (error) {
    await zone.close();
    throw error;
  }
  const left = await zone.close();
  if (left.length > 0) throw new DrillFailed(`this could not be removed: ${left.join(', ')}`);
  return outcome;
}

async function drill(
  at: Installation,
  zone: DrillZone,
  count: number,
  progress: Progress,
): Promise<CommandResult> {
  const bounds = await boundsOf(zone);
  const mandates = await eachOf(
    Array.from({ length: count }, (_one, n) => n),
    () => zone.issue(),
    (n) => progress(() => `issued ${n} of ${count} mandates`),
  );
  const feed = await FeedListener.open(zone);
  const signals = await SignalListener.open(zone);
  try {
    const statusList = byStatusList(zone, at.url);
    const revoked: Revoked[] = [];
    const [exchange, introspection] = [byExchange(zone), byIntrospection(zone)];
    const askAll = async (mandate: DrillMandate) => {
      await zone.revoke(mandate.sessionId);
      const since = performance.now();
      const left = Number(claimsOf(mandate.mandate)['exp']) - systemClock.now() / 1_000;
      revoked.push({ ...mandate, since, left });
      return Promise.all([
        honouredFor(() => exchange(mandate), since, PATIENCE),
        bounds.introspection === null
          ? 0
          : honouredFor(() => introspection(mandate), since, PATIENCE),
      ]);
    };
    const asked = await eachOf(mandates, askAll, (n) =>
      progress(() => `took back ${n} of ${count} mandates`),
    );
    const listed = revoked.filter(({ mandate }) => placeOf(mandate) !== null);
    const inLists = await eachOf(
      listed,
      (one) => honouredFor(() => statusList(one), one.since, bounds.statusList ?? PATIENCE),
      (n) => progress(() => `found ${n} of ${listed.length} mandates in status lists`),
    );
    return reportOf(zone.zoneId, count, [
      measured(
        'exchange',
        asked.map(([first]) => first),
        bounds.exchange,
      ),
      bounds.introspection === null
        ? absent('introspection')
        : measured(
            'introspection',
            asked.map(([, second]) => second),
            bounds.introspection,
          ),
      listed.length === 0
        ? absent('status_list', bounds.statusList)
        : measured(
            'status_list',
            // Whoever has fetched a list just before may keep it for its `ttl`.
            inLists.map((one) => (one === null ? null : one + statusList.ttl())),
            bounds.statusList,
          ),
      feed === null
        ? absent('feed')
        : measured('feed', await heard(feed, revoked, bounds.feed ?? PATIENCE), bounds.feed),
      typeof signals === 'string'
        ? absent('ssf', null, signals)
        : measured('ssf', await heard(signals, revoked, PATIENCE), null),
      measured(
        'expiry',
        revoked.map(({ left }) => Math.max(0, left)),
        bounds.expiry,
      ),
    ]);
  } finally {
    feed?.close();
    if (typeof signals !== 'string') signals.close();
  }
}

/** When the feed, or a stream of shared signals, has told of each, within so many seconds of the last. */
async function heard(
  feed: Pick<FeedListener, 'heardAfter'>,
  revoked: readonly Revoked[],
  seconds: number,
): Promise<(number | null)[]> {
  const until = performance.now() + seconds * 1_000;
  for (;;) {
    const all = revoked.map((one) => feed.heardAfter(one, one.since));
    if (!all.includes(null) || performance.now() > until) return all;
    await sleep(50);
  }
}

function measured(
  channel: string,
  all: readonly (number | null)[],
  bound: number | null,
): Measured {
  const seconds = all.filter((one) => one !== null);
  return { channel, seconds, missed: all.length - seconds.length, bound };
}

function absent(channel: string, bound: number | null = null, why = NOT_THERE): Measured {
  return { channel, seconds: [], missed: 0, bound, absent: why };
}

/** The bounds that the metadata of the zone states (`mandate_revocation_bound_seconds`). */
async function boundsOf(zone: DrillZone) {
  const { body } = await send(`${zone.url}/.well-known/openid-configuration`);
  const stated = Object(body['mandate_revocation_bound_seconds']);
  const bound = (name: string): number | null => {
    const value: unknown = Reflect.get(stated, name);
    return typeof value === 'number' ? value : null;
  };
  return {
    exchange: bound('exchange'),
    introspection: body['introspection_endpoint'] === undefined ? null : bound('introspection'),
    statusList: bound('status_list'),
    feed: bound('feed'),
    expiry: bound('expiry'),
  };
}

/** Does something for each, some at a time. @param told how many are done */
async function eachOf<T, R>(
  all: readonly T[],
  act: (one: T) => Promise<R>,
  told: (done: number) => void,
): Promise<R[]> {
  const results: R[] = [];
  const left = all.entries();
  let done = 0;
  const work = async (): Promise<void> => {
    for (const [n, one] of left) {
      results[n] = await act(one);
      told((done += 1));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}
