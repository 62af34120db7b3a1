import type { RevocationBounds } from '../../issuer/revocation-bounds.js';
import type { TimeLimits } from '../../platform/config/time-limits.js';

/** What the database says of who has been told of an order (`revocation_told` in revocation-told.sql). */
export interface Told {
  /** When it was committed at the latest. */
  readonly committed_by: Date;
  readonly in_feed: boolean;
  readonly signals_out: boolean;
  readonly receivers: Readonly<Record<string, number>>;
  readonly webhooks: {
    readonly waiting: number;
    readonly delivered: number;
    readonly dead: number;
  };
}

/** Statements that may follow in the transaction of an order once it is written; with keys there are more. */
const STATEMENTS_AFTER = 8;

/**
 * Milliseconds after which a transaction has ended that has written its order: for each statement that may follow, the
 * longest that it may take and the longest that may be between two.
 */
export function commitMargin({ statementMs, idleMs }: TimeLimits): number {
  return STATEMENTS_AFTER * (statementMs + idleMs);
}

/**
 * By each way in which anybody learns of what an order took back: whether it has been told there, and until when what was
 * taken back may be honoured by those who rely on that way alone; `null` where that is not known yet.
 *
 * @param at when it was ordered
 * @param now milliseconds since the epoch
 */
export function describeTold(told: Told, at: Date, bounds: RevocationBounds, now: number) {
  const committed = told.committed_by.getTime();
  const after = (seconds: number) => new Date(committed + seconds * 1_000);
  const lists = after(bounds.status_list);
  const expired = after(bounds.expiry);
  const feed = told.in_feed ? after(bounds.feed) : null;
  const receivers = Object.entries(told.receivers);
  const atOnce = { told: true, honoured_until: at };
  return {
    honoured_until: feed === null ? null : latest([lists, feed, expired]),
    channels: {
      exchange: atOnce,
      introspection: atOnce,
      // Each process makes lists for itself: one that was sent before may be kept until then.
      status_list: { told: now >= lists.getTime(), honoured_until: lists },
      feed: { told: told.in_feed, honoured_until: feed },
      // Nobody is told: by then whatever was issued before has expired.
      expiry: { told: now >= expired.getTime(), honoured_until: expired },
      ssf: {
        told: told.signals_out && receivers.length === 0,
        waiting: receivers.map(([clientId, events]) => ({ client_id: clientId, events })),
      },
      webhooks: { told: told.webhooks.waiting === 0, ...told.webhooks },
    },
  };
}

function latest(instants: readonly Date[]): Date {
  return new Date(Math.max(...instants.map((one) => one.getTime())));
}
