import type { WitnessAddress } from '../../platform/config/checkpoint-places.js';
import { readBytes } from '../../platform/outbound/guarded-fetch.js';
import { guardedRequest, type FetchRules } from '../../platform/outbound/guarded-request.js';
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

  /** What it has is asked by giving it what it should have: as the protocol has it, it says then where it is. */
  async newest(_origin: string, ours: SignedNow | null): Promise<HeldCheckpoint | null> {
    if (ours === null) return null;
    const answer = await this.submit(ours, ours.size, []);
    this.at = 'at' in answer ? answer.at : ours.size;
    if ('at' in answer && answer.at === ours.size) {
      throw new Forked(`it has another checkpoint of ${ours.size} leaves`);
    }
    if (this.at === 0) return null;
    return { size: this.at, root: 'at' in answer ? null : ours.root };
  }

  async put(ours: SignedNow, prove: ProveGrowth): Promise<readonly PutCosignature[]> {
    if (this.at > ours.size) throw new Forked(`it has a checkpoint of ${this.at} leaves`);
    const proof = this.at === 0 || this.at === ours.size ? [] : await prove(this.at);
    const answer = await this.submit(ours, this.at, proof);
    if ('at' in answer) {
      const before = this.at;
      this.at = answer.at;
      if (answer.at > ours.size || answer.at === before) {
        throw new Forked(`it has a checkpoint of ${answer.at} leaves that does not fit`);
      }
      throw new PlaceUnusable('it has got another checkpoint meanwhile');
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
