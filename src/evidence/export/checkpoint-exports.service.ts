import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Logger } from 'pino';
import type { Counter, Gauge } from 'prom-client';
import type { DataSource } from 'typeorm';
import { BackgroundWork } from '../../platform/background-work.js';
import type { CheckpointPlaces } from '../../platform/config/checkpoint-places.js';
import { ENV, type RunningEnv } from '../../platform/config/env.js';
import { LOGGER } from '../../platform/config/logger.js';
import type { FetchRules } from '../../platform/outbound/fetch-rules.js';
import { Periodic } from '../../platform/periodic.js';
import { newId } from '../../platform/uuid-v7.js';
import { CheckpointKeys } from '../checkpoint-keys.service.js';
import { CHECKPOINT_FORK, EXPORT_LAG, EXPORTS } from '../evidence.metrics.js';
import { leaveTurn, takeTurn } from '../turn.js';
import type { CheckpointPlace } from './checkpoint-place.js';
import { DirectoryPlace } from './directory-place.js';
import { readExportLag } from './export-rows.js';
import { PlaceExport } from './place-export.js';
import { S3Place } from './s3-place.js';
import { WitnessPlace } from './witness-place.js';

/** Milliseconds between two looks whether there is a new checkpoint, at most. */
const LOOK_MS = 5_000;
/** Milliseconds after many failures; after the first ones it is less. */
const AGAIN_MOST_MS = 300_000;
/** Milliseconds for which places are waited for before a checkpoint is signed. */
const COMPARE_MS = 5_000;
/** Milliseconds for which a process has the turn of a place. */
const TURN_MS = 30_000;

/**
 * Takes signed checkpoints to places outside of the database, and compares what these have with it: each place for itself and
 * with a turn of its own, so that none waits for another. A log that does not fit what a place has is not signed any more.
 */
@Injectable()
export class CheckpointExports implements BeforeApplicationShutdown {
  private readonly exports: readonly PlaceExport[];
  private readonly loops: readonly Periodic[];
  private readonly holder = newId();
  private readonly failures = new Map<string, number>();
  private readonly told = new Map<string, string>();

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    keys: CheckpointKeys,
    @Inject(ENV) private readonly env: RunningEnv,
    @Inject(LOGGER) private readonly logger: Logger,
    @InjectMetric(EXPORT_LAG) private readonly lag: Gauge,
    @InjectMetric(EXPORTS) private readonly counted: Counter,
    @InjectMetric(CHECKPOINT_FORK) private readonly forked: Gauge,
    background: BackgroundWork,
  ) {
    // Where they are is said by who runs the process, and not by an operator: only what the process does at all limits it.
    const rules = {
      allowInsecure: env.allowInsecureFetch,
      allowPrivate: env.allowPrivateFetch,
    };
    this.exports = placesOf(env.checkpointPlaces, rules).map(
      (place) => new PlaceExport(place, dataSource, () => keys.begin()),
    );
    this.loops = this.exports.map((one) => new Periodic(() => this.run(one)));
    background.addJob(() => {
      for (const loop of this.loops) loop.start(0);
    });
  }

  /** Others go on at once, while there is still a connection to say so. */
  async beforeApplicationShutdown(): Promise<void> {
    for (const loop of this.loops) loop.stop();
    if (this.loops.length > 0) await leaveTurn(this.dataSource, this.holder).catch(() => {});
  }

  /**
   * Compares what all places have with the log, before it is signed. A place that does not answer in time is compared as it was
   * known last: it holds nobody up, and is given nothing that does not fit either.
   *
   * @returns the names of those that do not fit
   */
  async forksNow(): Promise<readonly string[]> {
    await Promise.all(this.exports.map((one) => this.compareSoon(one)));
    return this.exports.filter(({ fork }) => fork !== null).map(({ name }) => name);
  }

  private async compareSoon(one: PlaceExport): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), COMPARE_MS).unref();
    });
    const known = this.failures.has(one.name);
    try {
      const compared = one.compare();
      compared.catch(() => {});
      // One that has failed lately is not waited for.
      await Promise.race(known ? [late, compared, Promise.resolve()] : [late, compared]);
    } catch {
      // Its own loop says so.
    } finally {
      clearTimeout(timer);
    }
    await one.compareKnown();
    this.tell(one);
  }

  private async run(one: PlaceExport): Promise<number> {
    const rest = Math.min(LOOK_MS, this.env.checkpointSeconds * 1_000);
    const { name } = one;
    try {
      if (await takeTurn(this.dataSource, this.holder, TURN_MS, `export ${name}`)) {
        if (await one.take()) this.counted.inc({ place: name, outcome: 'done' });
        this.tell(one);
      } else if (one.fork !== null) {
        // Who has the turn now may have seen since that it fits: this process would say for ever that it does not.
        await one.compare();
        this.tell(one);
      }
      this.failures.delete(name);
      return rest;
    } catch (error) {
      const failures = (this.failures.get(name) ?? 0) + 1;
      this.failures.set(name, failures);
      this.counted.inc({ place: name, outcome: 'failed' });
      this.logger.warn({ err: error, place: name }, 'a checkpoint was not exported, trying again');
      return Math.min(AGAIN_MOST_MS, rest * 2 ** Math.min(failures - 1, 10));
    } finally {
      await this.measure(name);
    }
  }

  private async measure(place: string): Promise<void> {
    try {
      this.lag.set({ place }, await readExportLag(this.dataSource, place));
    } catch (error) {
      this.logger.debug({ err: error, place }, 'how far an export is behind is not known');
    }
  }

  /** Says that a place does not fit the log, or that it does again, when that is new. */
  private tell({ name, fork }: PlaceExport): void {
    this.forked.set({ place: name }, fork === null ? 0 : 1);
    if (fork === (this.told.get(name) ?? null)) return;
    if (fork === null) {
      this.told.delete(name);
      this.logger.info({ place: name }, 'what was exported fits the log again');
      return;
    }
    this.told.set(name, fork);
    this.logger.error(
      { place: name, why: fork },
      'the log does not fit a checkpoint that was exported: the database was set back or changed, and no checkpoint is signed',
    );
  }
}

/** @throws {PlaceUnusable} if one cannot be what it is said to be */
function placesOf(
  { directory, s3, witness }: CheckpointPlaces,
  rules: FetchRules,
): CheckpointPlace[] {
  return [
    ...(directory === undefined ? [] : [new DirectoryPlace(directory)]),
    ...(s3 === undefined ? [] : [new S3Place(s3, rules)]),
    ...(witness === undefined ? [] : [new WitnessPlace(witness, rules)]),
  ];
}
