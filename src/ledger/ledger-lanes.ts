import type { LaneOptions } from './ledger-lane.js';
import { LedgerLane } from './ledger-lane.js';

/** Connections on which entries are committed. What one zone has to wait for is no matter of those of another. */
const LANES = 2;

/** What all lanes of a database have in common. */
export type CommonOptions = Pick<
  LaneOptions,
  'url' | 'limits' | 'observer' | 'onOtherEnd' | 'onFailure'
>;

/** The lanes to one database, or to one shard of a distributed one. Each connects when it is used first. */
export class LedgerLanes {
  /** For what takes mandates back: it closes the gates that the others go through, and so cannot go with them. */
  readonly revoking: LedgerLane;
  /** For entries that have met a lock. */
  readonly apart: LedgerLane;
  private readonly issuing: readonly LedgerLane[];

  constructor(common: CommonOptions) {
    const { lockMs } = common.limits;
    this.apart = new LedgerLane({ ...common, name: 'mandate ledger apart', patient: true, lockMs });
    this.revoking = new LedgerLane({
      ...common,
      name: 'mandate ledger revoking',
      patient: false,
      lockMs: Math.ceil(lockMs / 2),
    });
    this.issuing = Array.from(
      { length: LANES },
      () =>
        new LedgerLane({
          ...common,
          name: 'mandate ledger',
          patient: false,
          lockMs: Math.ceil(lockMs / 5),
          failed: this.apart,
        }),
    );
  }

  /** The lane of a zone: the end of a UUIDv7 is random. */
  issuingOf(zoneId: string): LedgerLane {
    const lane = this.issuing[Number.parseInt(zoneId.slice(-8), 16) % LANES] ?? this.issuing[0];
    if (lane === undefined) throw new Error('there are no lanes');
    return lane;
  }

  /** Commits an empty batch on each lane on which mandates are issued. @throws the driver's error */
  async probe(): Promise<void> {
    await Promise.all(this.issuing.map((lane) => lane.probe()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.issuing, this.apart, this.revoking].map((lane) => lane.close()));
  }
}
