import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { isJsonObject, type JsonObject, type JsonValue } from '../../oauth/strict-json.js';
import { unavailable } from '../../oauth/errors.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { CLOCK, type Clock } from '../../platform/config/clock.js';
import { OPERATORS_READING } from '../../platform/database/operators-connections.js';
import { signReceipt } from '../../transparency-log/cose-receipt.js';
import { parseVkey, type NoteKey } from '../../transparency-log/note-key.js';
import { openNote } from '../../transparency-log/signed-note.js';
import { TileMissing } from '../../transparency-log/tiles.js';
import { formatTlogProof } from '../../transparency-log/tlog-proof.js';
import { CheckpointKeys } from '../checkpoint-keys.service.js';
import type { Missing } from '../evidence.service.js';
import type { Queries } from '../queries.js';
import { checkProof } from './check-proof.js';
import {
  findChange,
  findConfirmations,
  findIssued,
  findOrders,
  findRevocations,
  MOST,
} from './mandate-events.js';
import { proveEvents, readPlaced, type PlacedEvent } from './prove-events.js';
import { statementOf, type Known } from './statement.js';
import { honouredUntil, keyOfTarget, targetsOf, tookBack } from './targets-of-mandate.js';

/** A receipt of an event. */
export interface Receipt {
  /** The id of the event. */
  readonly event: string;
  /** What it is of, such as `issued`. */
  readonly type: string;
  /** A COSE receipt of inclusion (RFC 9942 section 5.2.1), base64. */
  readonly receipt: string;
}

/** The receipts of a mandate, or of what was changed. */
export interface ReceiptSet {
  readonly zone_id: string;
  readonly receipts: readonly Receipt[];
  /** The ids of events that belong to it and are in no signed checkpoint yet. */
  readonly pending: readonly string[];
}

/** What a reader may know of a mandate: everything, what is of some resources, or nothing. */
export type Knows = 'all' | Known | 'nothing';

/** Milliseconds within which an event is in the index, and in a checkpoint: much longer than it ever takes. */
const SETTLED_MS = 5 * 60_000;

interface ReadEvent extends PlacedEvent {
  readonly event: JsonObject;
}

/**
 * Makes receipts: of an event, what its reader may know of it, signed together with the root of the log that it is proved to be
 * in. Nothing of them is stored, and of what is in no signed checkpoint there is none.
 */
@Injectable()
export class Receipts {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @InjectDataSource(OPERATORS_READING) private readonly reading: DataSource,
    private readonly keys: CheckpointKeys,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The receipts of a mandate: that it was issued, confirmed and taken back, as far as events name it. Whose turn it is in the zone
   * the caller has seen to.
   *
   * @param look says what the reader may know of it, by its event
   * @returns `unknown` also for who may know nothing
   */
  async ofMandate(
    zoneId: string,
    jti: string,
    look: (issued: JsonObject) => Knows,
  ): Promise<ReceiptSet | Missing> {
    const db = this.dataSource;
    const id = isUuid(jti) ? await findIssued(db, zoneId, jti) : null;
    const [issued] = id === null ? [] : (await readPlaced(db, zoneId, [id])).map(read);
    const knows = issued === undefined ? 'nothing' : look(issued.event);
    if (issued === undefined || knows === 'nothing') return 'unknown';
    const confirmations = await this.confirmationsOf(zoneId, issued);
    if (confirmations === null) return 'not yet';
    const known = knows === 'all' ? null : knows;
    const revocations = [
      ...(await this.revocationsOf(zoneId, jti)),
      ...(await this.ordersOf(zoneId, issued, known)),
    ];
    const needed = [issued, ...confirmations];
    const all = [...needed, ...revocations];
    return this.sign(db, zoneId, all, { needed, known, withText: false });
  }

  /**
   * The receipts of the events of a request, or of the event of this id, with their texts: for operators.
   *
   * @param zoneId that of what is of no zone as well
   */
  async ofChange(zoneId: string, id: string): Promise<ReceiptSet | Missing> {
    if (!isUuid(id)) return 'unknown';
    const found = await findChange(this.reading, zoneId, id);
    const events = (await readPlaced(this.reading, zoneId, found)).map(read);
    if (events.length === 0) return 'unknown';
    const terms = { needed: events, known: null, withText: true };
    return this.sign(this.reading, zoneId, events, terms);
  }

  /**
   * The receipt of what one person has decided on a challenge.
   *
   * @param decidedBy who that was, as the event has it
   * @returns `not yet` also as long as the index has no such event
   */
  async ofDecision(
    zoneId: string,
    challengeId: string,
    decidedBy: string,
  ): Promise<ReceiptSet | Missing> {
    const ids = await findConfirmations(this.dataSource, zoneId, challengeId);
    const found = (await readPlaced(this.dataSource, zoneId, ids)).map(read);
    const theirs = found.filter(
      ({ event }) =>
        memberAt(event, 'challenge', 'id') === challengeId && event['decided_by'] === decidedBy,
    );
    if (theirs.length === 0) return 'not yet';
    const terms = { needed: theirs, known: null, withText: false };
    return this.sign(this.dataSource, zoneId, theirs, terms);
  }

  /** Null if they are to be expected, and are not in the index yet. */
  private async confirmationsOf(zoneId: string, issued: ReadEvent): Promise<ReadEvent[] | null> {
    const challengeId = memberAt(issued.event, 'challenge', 'id');
    if (typeof challengeId !== 'string') return [];
    const ids = await findConfirmations(this.dataSource, zoneId, challengeId);
    const found = (await readPlaced(this.dataSource, zoneId, ids))
      .map(read)
      .filter(({ event }) => memberAt(event, 'challenge', 'id') === challengeId);
    const isThere = found.some(({ event }) => event['settled'] === 'approved');
    const recordedAt = Date.parse(textIn(issued.event['occurred_at']));
    return isThere || this.clock.now() - recordedAt > SETTLED_MS ? found : null;
  }

  private async revocationsOf(zoneId: string, jti: string): Promise<ReadEvent[]> {
    const ids = await findRevocations(this.dataSource, zoneId, jti);
    const found = await readPlaced(this.dataSource, zoneId, ids);
    // Terms are found by numbers that stand for them, which others may have chosen something for.
    return found.map(read).filter(({ event }) => event['revoked_jti'] === jti);
  }

  /** Orders that took the mandate back with others, by what its receipt says of it to the reader. */
  private async ordersOf(
    zoneId: string,
    { id, hash, event }: ReadEvent,
    known: Known | null,
  ): Promise<ReadEvent[]> {
    const stated = statementOf({ id, zoneId, hash: hash.toString('hex'), event }, known);
    const keys = targetsOf(stated).map(keyOfTarget);
    const when = { since: textIn(event['occurred_at']), until: honouredUntil(stated) };
    const ids = await findOrders(this.dataSource, zoneId, keys, when);
    const found = (await readPlaced(this.dataSource, zoneId, ids)).map(read);
    return found
      .filter(({ event: { occurred_at: at, revocation } }) =>
        tookBack({ target: memberOf(revocation, 'target'), at }, stated),
      )
      .slice(0, MOST);
  }

  /** Whether a note is signed by a key that is not the newest: until the first checkpoint by that. */
  private async isByKeyBefore(db: Queries, note: string, newest: NoteKey): Promise<boolean> {
    if (openNote(note, [newest]).isValid) return false;
    const keys = (await this.keys.list(db)).flatMap(({ vkey }) => parseVkey(vkey) ?? []);
    return openNote(note, keys).isValid;
  }

  private async sign(
    db: Queries,
    zoneId: string,
    events: readonly ReadEvent[],
    terms: { needed: readonly ReadEvent[]; known: Known | null; withText: boolean },
  ): Promise<ReceiptSet | Missing> {
    const sealed = await proveEvents(db, zoneId, events).catch(notTheTree);
    const isSealed = new Map(sealed?.events.map((one) => [one.id, one]));
    if (sealed === null || !terms.needed.every(({ id }) => isSealed.has(id))) return 'not yet';
    const { signer } = await this.keys.signer(db);
    const { body, note, index, hashes } = sealed.checkpoint;
    if (await this.isByKeyBefore(db, note, signer.key)) return 'not yet';
    const checked = checkProof(zoneId, sealed, signer.key);
    if (!checked.isProved) throw unavailable(`nothing is signed: ${checked.why}`);
    const { size, root } = checked.ofZone;
    const proof = formatTlogProof({ index, hashes, checkpoint: note });
    const receipts = events.flatMap(({ id, text, previousHash, hash, event }): Receipt[] => {
      const place = isSealed.get(id);
      if (place === undefined) return [];
      const stated = { id, zoneId, hash: hash.toString('hex'), event };
      const statement = statementOf(stated, terms.known);
      const inclusion = { size, index: place.leaf, hashes: place.hashes };
      const whole = { text, previous_hash: previousHash.toString('hex') };
      const content = {
        issuer: signer.key.name,
        entry: id,
        statement: JSON.stringify(statement),
        inclusion,
        beside: { checkpoint: body, 'tlog-proof': proof, ...(terms.withText ? whole : {}) },
      };
      const receipt = signReceipt(content, root, signer).toString('base64');
      return [{ event: id, type: textIn(statement['type']), receipt }];
    });
    const pending = events.filter(({ id }) => !isSealed.has(id)).map(({ id }) => id);
    return { zone_id: zoneId, receipts, pending };
  }
}

function notTheTree(error: unknown): never {
  throw error instanceof TileMissing ? unavailable(`nothing is signed: ${error.message}`) : error;
}

function read(placed: PlacedEvent): ReadEvent {
  const event: JsonValue = JSON.parse(placed.text);
  return { ...placed, event: isJsonObject(event) ? event : {} };
}

function textIn(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function memberAt(event: JsonObject, name: string, member: string): JsonValue | undefined {
  return memberOf(event[name], member);
}

function memberOf(value: JsonValue | undefined, member: string): JsonValue | undefined {
  return isJsonObject(value) ? value[member] : undefined;
}
