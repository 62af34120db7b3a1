import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { atMost } from '../../platform/at-most.js';
import type { StatusReference } from '../../mandates/status-claim.js';
import { ZoneReads } from '../../platform/database/zone-reads.service.js';
import { ORDERED, RandomOrder } from './random-order.js';
import { hourOf, uriOf } from './status-list.js';

/** An index of a list that was given to no other mandate, and will not be. */
export interface DrawnIndex extends StatusReference {
  /** Hours since 1970. */
  readonly hour: number;
  /** Which of the lists of that hour. */
  readonly list: number;
}

/** Indices that this process has taken, {@link ORDERED} from the first one on. */
interface Block {
  readonly list: number;
  readonly first: number;
  readonly order: RandomOrder;
  drawn: number;
}

/** The most zones, by hour, of which blocks are kept; what is left of one that is forgotten is lost. */
const MAX_KEPT = 10_000;
/** So many of a block are drawn when the next one is taken, so that few requests wait for it. */
const TAKE_NEXT_AT = (ORDERED * 3) / 4;

/**
 * The indices of status lists: takes them from the database in blocks (`status_block_take`), and draws from these in random
 * order. What a process has taken and not used when it ends is lost, so no index is ever given twice.
 */
@Injectable()
export class StatusBlocks {
  private readonly process = uuidv7();
  private readonly blocks = new LRUCache<string, Block>(atMost(MAX_KEPT));
  private readonly taking = new Map<string, Promise<Block>>();
  private readonly next = new LRUCache<string, Block>(atMost(MAX_KEPT));

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly reads: ZoneReads,
  ) {}

  /**
   * Draws an index for a mandate.
   *
   * @param base where the zone is, without a trailing slash: what the URI of its lists begins with
   * @param exp when the mandate expires, in seconds since the epoch
   * @throws {OAuthError} temporarily_unavailable if the zone wants too much; the driver's error
   */
  async draw(zoneId: string, base: string, exp: number): Promise<DrawnIndex> {
    const hour = hourOf(exp);
    const key = `${zoneId} ${hour} ${base}`;
    let block = this.blocks.get(key);
    while (block === undefined || block.drawn === ORDERED) {
      // oxlint-disable-next-line no-await-in-loop -- who comes too late for one block waits for the next
      block = this.begin(key, await (this.next.get(key) ?? this.take(key, zoneId, hour, base)));
    }
    const idx = block.first + block.order.at(block.drawn);
    block.drawn += 1;
    if (block.drawn >= TAKE_NEXT_AT) this.takeAhead(key, zoneId, hour, base);
    return { hour, list: block.list, idx, uri: uriOf(base, { hour, number: block.list }) };
  }

  /** Makes a block the one that is drawn from, unless another request has begun one meanwhile. */
  private begin(key: string, taken: Block): Block {
    const current = this.blocks.get(key);
    if (current !== undefined && current.drawn < ORDERED) return current;
    if (this.next.get(key) === taken) this.next.delete(key);
    this.blocks.set(key, taken);
    return taken;
  }

  private takeAhead(key: string, zoneId: string, hour: number, base: string): void {
    if (this.next.has(key) || this.taking.has(key)) return;
    // Whoever needs it takes it again, and is told why not.
    this.take(key, zoneId, hour, base).catch(() => {});
  }

  /** Takes a block, one at a time for all who wait for it, and keeps it as the next one. */
  private take(key: string, zoneId: string, hour: number, base: string): Promise<Block> {
    const underWay = this.taking.get(key);
    if (underWay !== undefined) return underWay;
    const taking = this.reads
      .read(zoneId, () =>
        this.dataSource.query<{ list: number; first: number }[]>(TAKE, [
          zoneId,
          hour,
          base,
          this.process,
        ]),
      )
      .then(([row]) => {
        if (row === undefined) throw new Error('no block was taken');
        const block: Block = { ...row, order: new RandomOrder(), drawn: 0 };
        this.next.set(key, block);
        return block;
      })
      .finally(() => this.taking.delete(key));
    this.taking.set(key, taking);
    return taking;
  }
}

const TAKE = 'SELECT list, first FROM status_block_take($1, $2, $3, $4)';
