import { randomFillSync } from 'node:crypto';
import { systemClock, type Clock } from './config/clock.js';

/** Random bytes of an id. */
const ID_BYTES = 10;
/** Random bytes that are drawn at once. */
const BLOCK_BYTES = 400 * ID_BYTES;

/**
 * Makes ids that are made very often: UUIDv7 (RFC 9562 5.7), each larger as text than the one before, also within a
 * millisecond and when the clock goes back. A counter of 12 bits makes them so (6.2, method 1); the other 62 bits of each
 * are random. Random bytes are drawn for hundreds of ids at once, since to draw them costs more than to use them. So they
 * lie in memory before they are used: whatever has to be kept secret is drawn by itself.
 *
 * Each process and each thread draws blocks of its own, so no two share one.
 */
export class UuidsV7 {
  private readonly block = Buffer.alloc(BLOCK_BYTES);
  private used = BLOCK_BYTES;
  private ms = 0;
  private counter = 0;
  /** The time of `ms` as an id begins with it. */
  private prefix = '';

  constructor(private readonly clock: Clock = systemClock) {}

  next(): string {
    if (this.used === BLOCK_BYTES) this.draw();
    const at = this.used;
    this.used += ID_BYTES;
    const high = this.block.readUInt32BE(at);
    this.tick(high >>> 21);
    const low = this.block.toString('hex', at + 4, at + ID_BYTES);
    const counter = (0x7000 | this.counter).toString(16);
    // Two bits say the variant (4.1).
    const variant = (0x8000 | (high & 0x3fff)).toString(16);
    return `${this.prefix}-${counter}-${variant}-${low}`;
  }

  private draw(): void {
    randomFillSync(this.block);
    this.used = 0;
  }

  /** Goes on to the next id. @param random 11 bits: where the counter of a millisecond begins, so that it has room */
  private tick(random: number): void {
    const now = Math.floor(this.clock.now());
    if (now > this.ms) this.begin(now, random);
    else if (this.counter === 0xfff) this.begin(this.ms + 1, random);
    else this.counter += 1;
  }

  private begin(ms: number, counter: number): void {
    this.ms = ms;
    this.counter = counter;
    const time = ms.toString(16).padStart(12, '0');
    this.prefix = `${time.slice(0, 8)}-${time.slice(8)}`;
  }
}

const ids = new UuidsV7();

/** A new id. */
export function newId(): string {
  return ids.next();
}
