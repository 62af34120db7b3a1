import type { Client } from 'pg';

/** What is recorded of one answer. */
export interface FloorEvent {
  readonly id: string;
  readonly event: string;
}

/** The table that the floor writes to. */
export const FLOOR_TABLE = `CREATE TABLE IF NOT EXISTS floor_events (
  id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), event text NOT NULL)`;

const INSERT = {
  name: 'insert',
  text: 'INSERT INTO floor_events (id, event) SELECT * FROM unnest($1::uuid[], $2::text[])',
};

/**
 * Records events durably, as many with one INSERT as have come while the one before was under way.
 *
 * One statement is one transaction, and PostgreSQL's `synchronous_commit` is on, so an event is on the disk when
 * its `record` resolves.
 */
export class GroupCommit {
  readonly #client: Client;
  #waiting: { readonly entry: FloorEvent; readonly done: (error?: Error) => void }[] = [];
  #busy = false;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Calls back when the event is on the disk, or with what went wrong. */
  record(entry: FloorEvent, done: (error?: Error) => void): void {
    this.#waiting.push({ entry, done });
    if (!this.#busy) this.#flush();
  }

  #flush(): void {
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    this.#busy = true;
    const values = [batch.map(({ entry }) => entry.id), batch.map(({ entry }) => entry.event)];
    this.#client.query({ ...INSERT, values }, (error: Error | null) => {
      this.#busy = false;
      for (const { done } of batch) done(error ?? undefined);
      this.#flush();
    });
  }
}
