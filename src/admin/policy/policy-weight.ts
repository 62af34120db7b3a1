import type { Weight } from '../../policy/background/weigh-set.js';
import { MAX_INPUT_BYTES } from '../../policy/engine/input.js';
import { AT_ONCE_NS } from '../../policy/background/decide.js';

/** What operators are told of the weight of a policy set, and what is on record of it. */
export interface WeightView {
  readonly weight: {
    /**
     * How long a decision on the largest input may take, as it is estimated.
     *
     * @number
     */
    readonly bound_ms: number;
    /**
     * How long it took here; `null` if that was not tried.
     *
     * @number
     */
    readonly measured_ms: number | null;
    /** Inputs up to here are decided at once. */
    readonly at_once_bytes: number;
  };
  readonly warnings: readonly string[];
}

/** Bytes of an input that is larger than most. */
const USUAL_BYTES = 4 * 1_024;
const AT_ONCE_MS = AT_ONCE_NS / 1_000_000;

/** Says what a set weighs, with a warning for each thing that zones with many requests would feel. */
export function describeWeight({ boundMs, measuredMs, atOnceBytes }: Weight): WeightView {
  const warnings = [];
  if (measuredMs !== null && measuredMs > AT_ONCE_MS) {
    warnings.push(
      `a decision on the largest input (${MAX_INPUT_BYTES / 1_024} KiB) took ${Math.round(measuredMs)} ms: ` +
        'one such decision of the zone is made at a time, and after a second it is given up',
    );
  }
  if (atOnceBytes < USUAL_BYTES) {
    warnings.push(
      `inputs of more than ${atOnceBytes} bytes are decided on another thread, in turn with other zones: ` +
        'name principals and resources in the heads of policies, and compare single values rather than whole ones',
    );
  }
  return {
    weight: {
      bound_ms: rounded(boundMs),
      measured_ms: measuredMs === null ? null : rounded(measuredMs),
      at_once_bytes: atOnceBytes,
    },
    warnings,
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
