import type { AskedLabels, SeenClient } from '../../ledger/entry.js';

/** What an evaluation rested on: a zone and its clients at their versions, or that a client is unknown. */
export interface Basis {
  readonly zoneId: string;
  /** That of the settings. */
  readonly version?: string | undefined;
  readonly clients?: readonly SeenClient[] | undefined;
  readonly labels?: AskedLabels | undefined;
  /** The client that is unknown. */
  readonly clientId?: string | undefined;
}
