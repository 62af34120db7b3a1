import { writeCursor } from './feed-cursor.js';

/** Something that was taken back, as the database has it. */
export interface FeedItem {
  readonly position: number;
  /** Both ISO 8601, in UTC. */
  readonly at: string;
  readonly until: string;
  readonly kind: string;
  /** base64url SHA-256 of `zone|kind|value`. */
  readonly key: string;
  /** Mandates of lower generations are dead; absent: all. */
  readonly gen?: number;
}

/** An item as readers get it. */
export interface FeedItemView extends Omit<FeedItem, 'position'> {
  readonly cursor: string;
}

/** An item as readers of a zone get it. Its cursor begins to age when the item has ceased to matter. */
export function viewOf(zoneId: string, item: FeedItem): FeedItemView {
  const { position, at, kind, key, gen, until } = item;
  const cursor = writeCursor(zoneId, { position, at: Math.floor(Date.parse(until) / 1_000) });
  return { cursor, at, kind, key, ...(gen === undefined ? {} : { gen }), until };
}
