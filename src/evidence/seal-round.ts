import { chainPages, FIRST, type ChainPlace } from './chain-pages.js';
import { beginLogs, LogBroken } from './log-rows.js';
import { zoneOriginOf } from './origins.js';
import type { InTransaction, Queries } from './queries.js';
import { eventsOf, readUnsealed, type UnsealedChain } from './unsealed-events.js';
import { growZoneLog } from './zone-log.js';

/** How much is done at once. */
export interface RoundLimits {
  /** Events of one chain, and leaves of one zone, in one transaction at most. */
  readonly ofZone: number;
  /** About how many events are read at once, at most. */
  readonly ofRead: number;
  /** Chains that one statement looks at, at most. */
  readonly ofPage?: number;
}

/** What a round has come to. */
export interface Round {
  /** How many events are leaves that were none before. */
  readonly sealed: number;
  /** Whether something may be left, since there was much of it or others had it. */
  readonly isMore: boolean;
  /** The zones whose log is not what it was: nothing of theirs is added, and they hold up no other. */
  readonly broken: readonly string[];
  /** The last chain that was looked at, where it was ended early. */
  readonly stoppedAt?: ChainPlace;
}

/**
 * Goes once through all chains that have events which are in no log, and adds these, each zone in a transaction of its own. A
 * log that others have is gone round.
 *
 * @param origin the name of the installation's log
 * @param stopped whether to end early
 * @param from the chain behind which to begin: where the one before was ended early, so that the last have their turn
 */
export async function sealRound(
  db: Queries,
  inTransaction: InTransaction,
  origin: string,
  { ofZone, ofRead, ofPage }: RoundLimits,
  stopped: () => boolean,
  from: ChainPlace = FIRST,
): Promise<Round> {
  let [sealed, isMore] = [0, false];
  const broken = new Set<string>();
  for await (const { behind, upTo } of chainPages(db, from, ofPage)) {
    for (let at = behind; ;) {
      if (stopped()) return { sealed, isMore: true, broken: [...broken], stoppedAt: at };
      // oxlint-disable-next-line no-await-in-loop
      const chains = await readUnsealed(db, { behind: at, upTo }, ofZone, ofRead);
      const last = chains.at(-1);
      if (last === undefined) break;
      at = last;
      // oxlint-disable-next-line no-await-in-loop
      await beginLogs(db, newLogs(chains, origin));
      for (const part of partsOf(chains, ofZone)) {
        const [{ zoneId }] = part;
        if (broken.has(zoneId)) continue;
        try {
          // oxlint-disable-next-line no-await-in-loop
          const grown = await inTransaction((tx) => growZoneLog(tx, zoneId, part));
          isMore ||= grown === null || part.some(({ upTo: end, recorded }) => end < recorded);
          sealed += grown ?? 0;
        } catch (error) {
          if (!(error instanceof LogBroken)) throw error;
          broken.add(zoneId);
        }
      }
    }
  }
  return { sealed, isMore, broken: [...broken] };
}

/** The logs of zones of which no chain may be in one yet. */
function newLogs(chains: readonly UnsealedChain[], origin: string) {
  const zones = new Set(chains.filter(({ done }) => done === 0).map(({ zoneId }) => zoneId));
  return [...zones].map((zoneId) => ({ logId: zoneId, origin: zoneOriginOf(origin, zoneId) }));
}

/** The chains in parts that each are of one zone, and have no more events together than one transaction adds. */
export function partsOf(chains: readonly UnsealedChain[], most: number) {
  const parts: [UnsealedChain, ...UnsealedChain[]][] = [];
  let events = 0;
  for (const chain of chains) {
    const many = eventsOf(chain);
    const part = parts.at(-1);
    if (part?.[0].zoneId === chain.zoneId && events + many <= most) {
      part.push(chain);
      events += many;
    } else {
      parts.push([chain]);
      events = many;
    }
  }
  return parts;
}
