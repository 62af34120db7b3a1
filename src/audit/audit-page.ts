import type { AuditedEvent } from './audited-event.js';

/** Which part of what is found is asked for. */
export interface AuditPart {
  /** How many events at most. */
  readonly limit: number;
  /** The id of the event after which the part starts; the newest come first. */
  readonly after?: string;
  /** How many are left out before that: what is left out is looked at all the same. */
  readonly offset?: number;
}

/** One part of what is found. */
export interface AuditPage {
  readonly items: readonly AuditedEvent[];
  /**
   * What to give as `after` for the next part; absent at the end. While the index is far behind, a part may have fewer
   * events than were asked for, or none, and go on all the same.
   */
  readonly next?: string;
}
