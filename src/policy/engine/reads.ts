/**
 * What a policy reads of an input, by its parsed text, so that its decision can be remembered by that alone.
 *
 * An error here would grant: a value that is read and not named would be one that a remembered decision does not
 * depend on. So the forms of expressions that are understood are listed, and whatever is not on the list makes the
 * whole policy one of which is not known what it reads. Reading more than is evaluated does no harm.
 */
import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { isEscapedName } from './cedar-request.js';
import type { PolicyInput } from './input.js';

/**
 * One thing that is read: the value at a path of the {@link PolicyInput}, or only whether something is there. A path
 * begins with a member of the input, such as `principal`.
 */
export type Read = readonly [what: 'value' | 'presence', ...path: string[]];

/** What a policy reads of an input; `null` if its decisions cannot be remembered: that is not known, or is new each time. */
export type Reads = readonly Read[] | null;

/** The members of an input that identify the principal and the resource. */
const PRINCIPAL: readonly Read[] = [
  ['value', 'principal', 'type'],
  ['value', 'principal', 'id'],
];
const RESOURCE: readonly Read[] = [['value', 'resource', 'identifier']];
/** What `principal in …` asks beside the principal itself. Resources and actions are in nothing. */
const ANCESTORS: readonly Read[] = [['value', 'principal', 'groups']];
/** What turns a step-up into something else (evaluate.ts). */
const CHALLENGE: Read = ['value', 'context', 'challenge_resolved'];

const RESOURCE_ATTRIBUTES: Readonly<Record<Exclude<keyof PolicyInput['resource'], 'type'>, true>> =
  {
    id: true,
    identifier: true,
    scopes: true,
    revocation: true,
  };
/** The members of Cedar's `context` that are members of the input itself. */
const BESIDE_CONTEXT: ReadonlySet<string> = new Set(['session', 'delegation_edge']);

/** Operators whose value depends on those of their operands alone. */
const UNARY: ReadonlySet<string> = new Set(['!', 'neg', 'isEmpty']);
const BINARY: ReadonlySet<string> = new Set(
  '== != < <= > >= && || + - * contains containsAll containsAny'.split(' '),
);
/** The extension functions, which are such, too: Cedar has none that reads a clock. */
const FUNCTIONS: ReadonlySet<string> = new Set(
  (
    'decimal lessThan lessThanOrEqual greaterThan greaterThanOrEqual ' +
    'ip isIpv4 isIpv6 isLoopback isMulticast isInRange ' +
    'datetime duration offset durationSince toDate toTime ' +
    'toMilliseconds toSeconds toMinutes toHours toDays'
  ).split(' '),
);

const MEMBERS: ReadonlySet<string> = new Set(
  'effect principal action resource conditions annotations'.split(' '),
);

/** Thrown where it cannot be said what is read. */
class Unknown extends Error {}

/** What a parsed policy reads. @param isStepUp whether a challenge lifts it */
export function readsOf(policy: PolicyJson, isStepUp: boolean): Reads {
  const reader = new Reader();
  try {
    if (Object.keys(policy).some((name) => !MEMBERS.has(name))) throw new Unknown();
    reader.head('principal', policy.principal);
    reader.head('resource', policy.resource);
    for (const { body } of policy.conditions) reader.value(body);
  } catch (error) {
    if (error instanceof Unknown) return null;
    throw error;
  }
  return [...(isStepUp ? [CHALLENGE] : []), ...reader.reads];
}

type Fields = Readonly<Record<string, unknown>>;

/** Collects what is read by expressions in Cedar's JSON form. */
class Reader {
  readonly reads: Read[] = [];

  /** Reads what the scope of a policy asks of the principal or the resource. */
  head(variable: 'principal' | 'resource', constraint: PolicyJson['principal' | 'resource']): void {
    const { op } = constraint;
    const group = op === 'is' ? constraint.in : undefined;
    if ('slot' in constraint || (group !== undefined && 'slot' in group)) throw new Unknown();
    if (op === 'is') this.type(variable);
    else if (op === '==') this.entity(variable);
    else if (op !== 'in' && op !== 'All') throw new Unknown();
    if (op === 'in' || group !== undefined) this.ancestors(variable);
  }

  /** Reads all that the value of an expression depends on. */
  value(expression: unknown): void {
    const [operator, operands] = onlyEntry(expression);
    if (operator === 'Value') return;
    if (operator === 'Var') this.entity(operands);
    else if (operator === '.') this.attribute(expression);
    else if (operator === 'has') this.presence(fieldsOf(operands));
    else if (operator === 'in') this.hierarchy(fieldsOf(operands));
    else if (operator === 'is') this.is(fieldsOf(operands));
    else if (operator === 'like') this.value(fieldsOf(operands)['left']);
    else for (const operand of operandsOf(operator, operands)) this.value(operand);
  }

  /** An entity as a value is what identifies it: nothing below reads on from a value. */
  private entity(variable: unknown): void {
    if (variable === 'principal') this.reads.push(...PRINCIPAL);
    else if (variable === 'resource') this.reads.push(...RESOURCE);
    // The action is in every key (slices.ts). The context would be a record as a whole.
    else if (variable !== 'action') throw new Unknown();
  }

  private type(variable: unknown): void {
    if (variable === 'principal') this.reads.push(['value', 'principal', 'type']);
    else if (variable !== 'resource' && variable !== 'action') throw new Unknown();
  }

  private ancestors(variable: unknown): void {
    this.entity(variable);
    if (variable === 'principal') this.reads.push(...ANCESTORS);
  }

  private attribute(expression: unknown): void {
    this.reads.push(['value', ...inputPath(pathOf(expression))]);
  }

  private presence({ left, attr }: Fields): void {
    const names = Array.isArray(attr) ? attr : [attr];
    const path = [...pathOf(left), ...names.map(textOf)];
    this.reads.push(['presence', ...inputPath(path)]);
  }

  /** `in`, whose left side is looked up among the entities: so that has to be a variable. */
  private hierarchy({ left, right }: Fields): void {
    this.ancestors(variableOf(left));
    this.value(right);
  }

  private is({ left, in: group }: Fields): void {
    const variable = variableOf(left);
    this.type(variable);
    if (group !== undefined) this.hierarchy({ left, right: group });
  }
}

/** The operands of an operation whose value depends on theirs alone. */
function operandsOf(operator: string, operands: unknown): readonly unknown[] {
  if (operator === 'Set' || FUNCTIONS.has(operator)) {
    if (!Array.isArray(operands)) throw new Unknown();
    return operands;
  }
  const fields = fieldsOf(operands);
  if (operator === 'Record') return Object.values(fields);
  if (UNARY.has(operator)) return [fields['arg']];
  if (BINARY.has(operator)) return [fields['left'], fields['right']];
  if (operator === 'if-then-else') return [fields['if'], fields['then'], fields['else']];
  throw new Unknown();
}

/** The variable that an expression starts from, and the attributes that lead on from it. */
function pathOf(expression: unknown): readonly [variable: string, ...attributes: string[]] {
  const [operator, operands] = onlyEntry(expression);
  if (operator === 'Var') return [textOf(operands)];
  if (operator !== '.') throw new Unknown();
  const { left, attr } = fieldsOf(operands);
  return [...pathOf(left), textOf(attr)];
}

/** The path in an input that a path in Cedar leads to (input.ts). */
function inputPath([variable, ...attributes]: readonly string[]): readonly string[] {
  const [first] = attributes;
  if (first === undefined || attributes.some(isEscapedName)) throw new Unknown();
  switch (variable) {
    case 'principal':
      // Cedar has the type in its name.
      if (first === 'type') throw new Unknown();
      return ['principal', ...attributes];
    case 'resource':
      if (!Object.hasOwn(RESOURCE_ATTRIBUTES, first)) throw new Unknown();
      return ['resource', ...attributes];
    case 'context':
      // It is another one each time.
      if (first === 'time') throw new Unknown();
      return BESIDE_CONTEXT.has(first) ? attributes : ['context', ...attributes];
    default:
      throw new Unknown();
  }
}

function variableOf(expression: unknown): unknown {
  const [operator, operand] = onlyEntry(expression);
  if (operator !== 'Var') throw new Unknown();
  return operand;
}

function onlyEntry(expression: unknown): readonly [operator: string, operands: unknown] {
  const [entry, another] = Object.entries(fieldsOf(expression));
  if (entry === undefined || another !== undefined) throw new Unknown();
  return entry;
}

function fieldsOf(value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new Unknown();
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new Unknown();
}
