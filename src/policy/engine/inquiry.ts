import type { CompiledPolicySet } from './compile.js';
import { costOfCalls, sumOf } from './cost.js';
import { isResident, preparse } from './engine.js';
import { type CedarRequest, cedarConverter, toCedarRequest, uidsOf } from './cedar-request.js';
import { MAX_INPUT_BYTES, type PolicyInput } from './input.js';
import { canBeAsked, inputBytes } from './input-text.js';
import type { Part } from './slices.js';

/** The most characters of a {@link Inquiry.key}. */
const MAX_KEY_LENGTH = 4_096;

/** A policy input together with the policy set that is to decide it. What several steps need of it is computed once. */
export class Inquiry {
  /** The size of the input, as `MAX_INPUT_BYTES` counts it. */
  readonly bytes: number;
  private found: readonly Part[] | undefined;

  constructor(
    readonly set: CompiledPolicySet,
    readonly input: PolicyInput,
    private readonly convert: (input: PolicyInput) => CedarRequest = toCedarRequest,
  ) {
    this.bytes = inputBytes(input);
  }

  get isTooLarge(): boolean {
    return this.bytes > MAX_INPUT_BYTES;
  }

  /** The parts of the set that decide it. */
  get parts(): readonly Part[] {
    return (this.found ??= this.set.slices.partsFor(uidsOf(this.input)));
  }

  /**
   * What the decision depends on, as text: the action, the policies that can match, and the values of all that they
   * read. Inquiries of one set with the same key have the same verdict, unless the engine fails. `undefined` if there is
   * no such text, or it would be long.
   */
  key(): string | undefined {
    // Whatever Cedar is not asked, or refuses whatever the policies say, has no key.
    if (this.isTooLarge || !canBeAsked(this.input)) return undefined;
    const parts = this.set.slices.readBy(this.input);
    if (parts === null) return undefined;
    const key = JSON.stringify(parts);
    return key.length > MAX_KEY_LENGTH ? undefined : key;
  }

  /** The input as Cedar takes it. @throws {UnrepresentableInput} */
  request(): CedarRequest {
    return this.convert(this.input);
  }

  /** The most that deciding it may cost, in nanoseconds. */
  weigh(): number {
    if (this.isTooLarge) return 0;
    // Where there is a step-up, all parts are asked a second time (evaluate.ts).
    const again = this.parts.some(({ all, withoutStepUps }) => all !== withoutStepUps);
    const { fixed, perByte } = sumOf([
      costOfCalls(this.parts.length * (again ? 2 : 1)),
      ...this.parts.flatMap(({ cost }) => (again ? [cost.all, cost.withoutStepUps] : [cost.all])),
    ]);
    return fixed + this.bytes * perByte;
  }

  /** Parses what deciding it asks and the engine does not hold, a part at a time. */
  async prepare(pause: () => Promise<unknown>): Promise<void> {
    for (const { all } of this.parts) {
      if (isResident(all)) continue;
      preparse(all);
      // oxlint-disable-next-line no-await-in-loop -- one at a time
      await pause();
    }
  }
}

/** The inquiries of one request: one for each input. What the inputs share is converted once for all. */
export function inquire(set: CompiledPolicySet, inputs: readonly PolicyInput[]): Inquiry[] {
  const convert = cedarConverter();
  return inputs.map((input) => new Inquiry(set, input, convert));
}
