/**
 * What a decision may cost at most, in nanoseconds, by the text of its policies and the size of its input.
 *
 * Cedar cannot be interrupted, and what takes long has to be known before it is begun. Measured with cedar-wasm 4.13.0
 * on Node 20: what costs is never the number of expressions alone (half a microsecond each), but values that are
 * compared as a whole (some 2 ns a byte): `[context, context, …]` compares its elements with each other, `==` and
 * `containsAll` walk both sides, `like` tries its pattern at each place. So each operation is charged for what
 * it may walk through: how much of the policy's own text, and how many times the input.
 */
import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';

/** The cost of a policy in nanoseconds: `fixed + perByte * <bytes of the input as JSON>`. */
export interface Cost {
  readonly fixed: number;
  readonly perByte: number;
}

/** The cost of nothing. */
export const NO_COST: Cost = { fixed: 0, perByte: 0 };

/** One policy of a call, before its conditions. */
const POLICY_NS = 2_000;
/** One expression. */
const EXPRESSION_NS = 500;
/** A byte of a value that is compared, built or searched. */
const BYTE_NS = 2;
/** A call of an extension function, such as `decimal("1.0")`. */
const EXTENSION_NS = 10_000;
/** Comparisons to find a value in a set: sets are trees, and none has more than 2^16 members. */
const LOOKUPS = 16;

/** One call of the engine, whatever is asked. */
const CALL_NS = 200_000;
/** A byte of the input, which each call of the engine reads anew. */
const INPUT_BYTE_NS = 400;

/** The sum of costs. */
export function sumOf(costs: readonly Cost[]): Cost {
  return {
    fixed: costs.reduce((sum, { fixed }) => sum + fixed, 0),
    perByte: costs.reduce((sum, { perByte }) => sum + perByte, 0),
  };
}

/** The cost of asking the engine so many times about an input, whatever the policies are. */
export function costOfCalls(calls: number): Cost {
  return { fixed: calls * CALL_NS, perByte: calls * INPUT_BYTE_NS };
}

/** The cost of evaluating a parsed policy once. */
export function costOf({ conditions }: Pick<PolicyJson, 'conditions'>): Cost {
  const meter = new Meter();
  for (const { body } of conditions) meter.walk(body);
  return { fixed: POLICY_NS + meter.fixed, perByte: meter.perByte };
}

/** How large a value may be: bytes of the policy's text in it, and how many times the input. */
interface Extent {
  readonly bytes: number;
  readonly inputs: number;
}

/** A number, a boolean, or a value that is as small. */
const SMALL: Extent = { bytes: 8, inputs: 0 };

/** Adds up the cost of expressions in Cedar's JSON form. */
class Meter {
  fixed = 0;
  perByte = 0;

  /** Charges an expression with all below it. @returns how large its value may be */
  walk(expression: unknown): Extent {
    this.fixed += EXPRESSION_NS;
    const [entry] = Object.entries(Object(expression));
    if (entry === undefined) return SMALL;
    const [operator, operands] = entry;
    if (operator === 'Value') return { bytes: JSON.stringify(operands).length, inputs: 0 };
    if (operator === 'Var') return { bytes: 0, inputs: 1 };
    return this.charge(
      operator,
      operands,
      operandsOf(operator, operands).map((each) => this.walk(each)),
    );
  }

  /** Charges an operation on values of these extents. @returns the extent of its value */
  private charge(operator: string, operands: unknown, extents: readonly Extent[]): Extent {
    const all = together(extents);
    const [left = SMALL, right = SMALL] = extents;
    switch (operator) {
      case 'Set':
        // Its members are sorted, and each lies in as many comparisons as that takes.
        this.touch(all, 2 + Math.log2(extents.length + 1));
        return all;
      case 'Record':
        return all;
      case '.':
      case 'getTag':
        return left;
      case 'if-then-else':
        return together(extents.slice(1));
      case '==':
      case '!=':
        this.touch(smaller(left, right));
        return SMALL;
      case 'contains':
      case 'containsAll':
      case 'containsAny':
        this.touch(left);
        this.touch(right, LOOKUPS);
        return SMALL;
      case 'like':
        this.touch(left, attemptsOf(operands));
        return SMALL;
      case 'in':
      case 'is':
        this.touch(all);
        return SMALL;
      default:
        // An extension function is called by its name, with a list; its value is one of a few bytes.
        if (Array.isArray(operands)) {
          this.fixed += EXTENSION_NS;
          this.touch(all, LOOKUPS);
        }
        return SMALL;
    }
  }

  private touch({ bytes, inputs }: Extent, times = 1): void {
    this.fixed += bytes * times * BYTE_NS;
    this.perByte += inputs * times * BYTE_NS;
  }
}

/** The expressions that an operation is about. */
function operandsOf(operator: string, operands: unknown): readonly unknown[] {
  if (Array.isArray(operands)) return operands;
  const members = Object.entries(Object(operands));
  if (operator === 'Record') return members.map(([, value]) => value);
  return members.filter(([name]) => OPERANDS.has(name)).map(([, value]) => value);
}

const OPERANDS: ReadonlySet<string> = new Set(['left', 'right', 'arg', 'in', 'if', 'then', 'else']);

/** How often a `like` may look at a place: what follows the first wildcard is tried anew at each. */
function attemptsOf(operands: unknown): number {
  const pattern: unknown = Object(operands)['pattern'];
  if (!Array.isArray(pattern)) return 1;
  const first = pattern.indexOf('Wildcard');
  return first < 0 ? 1 : pattern.length - first;
}

function together(extents: readonly Extent[]): Extent {
  return {
    bytes: extents.reduce((sum, { bytes }) => sum + bytes, 0),
    inputs: extents.reduce((sum, { inputs }) => sum + inputs, 0),
  };
}

/** A comparison ends where the smaller value does. */
function smaller(one: Extent, other: Extent): Extent {
  if (one.inputs !== other.inputs) return one.inputs < other.inputs ? one : other;
  return one.bytes < other.bytes ? one : other;
}
