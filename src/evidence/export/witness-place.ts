import type { WitnessAddress } from '../../platform/config/checkpoint-places.js';
import { readBytes } from '../../platform/outbound/guarded-fetch.js';
import { guardedRequest } from '../../platform/outbound/guarded-request.js';
import type { FetchRules } from '../../platform/outbound/fetch-rules.js';
import { readCosignatures } from '../../transparency-log/cosignature.js';
import { fromDecimal } from '../../transparency-log/decimal.js';
import { parseVkey, SIGNATURE_TYPES, type NoteKey } from '../../transparency-log/note-key.js';
import { parseNote } from '../../transparency-log/signed-note.js';
import {
  Forked,
  PlaceUnusable,
  type CheckpointPlace,
  type HeldCheckpoint,
  type ProveGrowth,
  type PutCosignature,
  type SignedNow,
} from './checkpoint-place.js';

const TIMEOUT_MS = 5_000;
const MOST_BYTES = 65_536;
/** How often it is asked where it is, while others give it something as well. */
const MOST_TIMES = 3;
const MEANWHILE = 'it has got another checkpoint meanwhile';

/** What a witness answered: that it cosigned, or that it has another size. */
type Answered = { readonly lines: string } | { readonly at: number };

/**
 * A witness (C2SP tlog-witness): it remembers the largest checkpoint of the log that it has seen, and cosigns what has grown
 * from that.
 */
export class WitnessPlace implements CheckpointPlace {
  readonly name = 'witness';
  private readonly keys: readonly NoteKey[];
  /** What it has, as it said last. */
  private at = 0;

  /** @throws {PlaceUnusable} if a key is none of a witness */
  constructor(
    private readonly witness: WitnessAddress,
    private readonly rules: FetchRules,
  ) {
    this.keys = witness.keys.map((text) => {
      const key = parseVkey(text);
      if (key?.type === SIGNATURE_TYPES.ed25519Cosignature) return key;
      throw new PlaceUnusable('CHECKPOINT_WITNESS_KEY is not the key of a witness (type 0x04)');
    });
  }

  /**
   * What it has is asked by giving it what it should have: as the protocol has it, it says then where it is. Of which root that
   * is it does not say, so it is given the proof that ours has grown from there, and says whether that is so.
   */
  async newest(
    _origin: string,
    ours: SignedNow | null,
    prove: ProveGrowth,
  ): Promise<HeldCheckpoint | null> {
    if (ours === null) return null;
    let [from, proof]: [number, readonly Buffer[]] = [ours.size, []];
    for (let times = 0; times < MOST_TIMES; times += 1) {
      // oxlint-disable-next-line no-await-in-loop
      const answer = await this.submit(ours, from, proof);
      this.at = 'at' in answer ? answer.at : ours.size;
      if (!('at' in answer)) return { size: ours.size, root: ours.root };
      if (answer.at === from) throw new Forked(`it has another checkpoint of ${from} leaves`);
      if (answer.at === 0) return null;
      if (answer.at > ours.size) return { size: answer.at, root: null };
      from = answer.at;
      // oxlint-disable-next-line no-await-in-loop
      proof = from === ours.size ? [] : await prove(from);
    }
    throw new PlaceUnusable(MEANWHILE);
  }

  async put(ours: SignedNow, prove: ProveGrowth): Promise<readonly PutCosignature[]> {
    // Whether that is one of ours is seen when it is asked again.
    const from = this.at;
    if (from > ours.size) throw new PlaceUnusable(MEANWHILE);
    const proof = from === 0 || from === ours.size ? [] : await prove(from);
    const answer = await this.submit(ours, from, proof);
    if ('at' in answer) {
      this.at = answer.at;
      if (answer.at === from) {
        throw new Forked(`it has a checkpoint of ${answer.at} leaves that does not fit`);
      }
      throw new PlaceUnusable(MEANWHILE);
    }
    this.at = ours.size;
    const text = parseNote(ours.note)?.text ?? '';
    const found = readCosignatures(text, answer.lines, this.keys);
    if (found.length === 0) throw new PlaceUnusable('none of its keys has cosigned');
    return found.map(({ by, line }) => ({ signer: `${by.name}+${by.id.toString('hex')}`, line }));
  }

  private async submit(
    { note, size }: SignedNow,
    from: number,
    proof: readonly Buffer[],
  ): Promise<Answered> {
    const lines = [`old ${from}`, ...proof.map((hash) => hash.toString('base64')), '', note];
    const outbound = {
      method: 'POST',
      headers: { 'content-type': 'text/plain', 'accept-encoding': 'identity' },
      body: Buffer.from(lines.join('\n')),
      timeoutMs: TIMEOUT_MS,
    } as const;
    const url = `${this.witness.url}/add-checkpoint`;
    const { status, body } = await guardedRequest(url, this.rules, outbound, async (response) => ({
      status: response.statusCode ?? 0,
      body: (await readBytes(response, MOST_BYTES)).toString(),
    }));
    if (status === 200) return { lines: body };
    const at = status === 409 ? fromDecimal(body.replace(/\n$/, '')) : null;
    if (at !== null) return { at };
    if (status === 422) throw new Forked(`it does not see how the log has grown to ${size} leaves`);
    if (status === 404) throw new PlaceUnusable('it does not know this log');
    if (status === 403) throw new PlaceUnusable('it does not know the key of this log');
    throw new PlaceUnusable(`it answered ${status}`);
  }
}
