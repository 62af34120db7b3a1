import { TileMissing, tilesOfConsistency } from '../../transparency-log/tiles.js';
import { tilesAt } from '../log-rows.js';
import { INSTALLATION_LOG } from '../../audit/installation-log.js';
import type { Queries } from '../queries.js';
import { Forked, type CheckpointPlace, type HeldCheckpoint } from './checkpoint-place.js';
import { compareHeld } from './compare-held.js';
import { readExported, readNewest, storeExported } from './export-rows.js';

/**
 * One place, and what is known of it. What it has is compared with the log before anything more is taken there, so that a place
 * never gets two histories.
 */
export class PlaceExport {
  /** Why what the place has does not fit the log; null if it does, or if that is not known. */
  private forkedBy: string | null = null;
  /** What the place had when it was asked last. */
  private held: HeldCheckpoint | null = null;
  private comparing: Promise<string | null> | null = null;

  constructor(
    readonly place: CheckpointPlace,
    private readonly db: Queries,
    private readonly origin: () => Promise<string>,
  ) {}

  get name(): string {
    return this.place.name;
  }

  /** Why what the place has does not fit the log, as far as that was seen. */
  get fork(): string | null {
    return this.forkedBy;
  }

  /**
   * Asks the place what it has, and compares it with the log. Who asks while somebody does gets the same answer, so that a place
   * that does not answer is asked once.
   *
   * @returns why it does not fit; null if it does
   * @throws what the place throws
   */
  compare(): Promise<string | null> {
    this.comparing ??= this.compareNow().finally(() => {
      this.comparing = null;
    });
    return this.comparing;
  }

  /** Compares the log with what the place had when it was asked last: nobody is asked but the database. */
  async compareKnown(): Promise<string | null> {
    if (this.held !== null && this.forkedBy === null) {
      this.forkedBy = await compareHeld(this.db, this.held);
    }
    return this.forkedBy;
  }

  /**
   * Takes the newest checkpoint to the place, unless it has it.
   *
   * @returns whether something was taken there
   * @throws what the place throws
   */
  async take(): Promise<boolean> {
    if ((await readNewest(this.db)) === null || (await this.compare()) !== null) return false;
    // Not the one of before: a place that was compared with a newer one may have that by now.
    const ours = await readNewest(this.db);
    if (ours === null) return false;
    const isThere = this.held?.size === ours.size && this.held.root !== null;
    const isKnown = (await readExported(this.db, this.name)) === ours.size;
    if (isThere && isKnown) return false;
    try {
      const cosignatures = await this.place.put(ours, (from) => this.prove(from, ours.size));
      await storeExported(this.db, this.name, ours.size, cosignatures);
      this.held = { size: ours.size, root: ours.root };
      return true;
    } catch (error) {
      if (!(error instanceof Forked)) throw error;
      this.forkedBy = error.message;
      return false;
    }
  }

  private async compareNow(): Promise<string | null> {
    const ours = await readNewest(this.db);
    const origin = ours?.origin ?? (await this.origin());
    try {
      const size = ours?.size ?? 0;
      this.held = await this.place.newest(origin, ours, (from) => this.prove(from, size));
      this.forkedBy = this.held === null ? null : await compareHeld(this.db, this.held);
    } catch (error) {
      if (!(error instanceof Forked)) throw error;
      this.forkedBy = error.message;
    }
    return this.forkedBy;
  }

  private async prove(from: number, size: number): Promise<readonly Buffer[]> {
    const tiles = await tilesAt(this.db, INSTALLATION_LOG, tilesOfConsistency(from, size));
    try {
      return tiles.consistency(from, size);
    } catch (error) {
      if (!(error instanceof TileMissing)) throw error;
      throw new Forked(`there is a checkpoint of ${from} leaves, and ${error.message}`);
    }
  }
}
