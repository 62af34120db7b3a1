import type { DetailedError, Effect } from '@cedar-policy/cedar-wasm/nodejs';
import { type Obligations, readObligations } from './annotations.js';
import { type TextFault, findTooDeep } from './complexity.js';
import { type Cost, costOf } from './cost.js';
import { type PolicyText, withCedar } from './engine.js';
import { type Head, headOf, namesAction } from './heads.js';
import { isWellFormed } from './input.js';
import { type Reads, readsOf } from './reads.js';
import { offsetOfByte, positionAt } from './text-position.js';

/** A module: Cedar text with an id; it may hold several policies. */
export interface PolicySource {
  readonly id: string;
  readonly content: string;
}

/** A compiled policy; `id` is its name in verdicts. */
export interface CompiledPolicy extends Obligations {
  readonly id: string;
  readonly effect: Effect;
}

/** One reason why a set does not compile; line and column are counted from 1. */
export interface CompileFault {
  readonly policy: string;
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
  readonly help?: string;
}

/** A policy with the text that it was read from. */
export interface NamedPolicy extends PolicyText {
  readonly compiled: CompiledPolicy;
  readonly head: Head;
  /** What it may cost to evaluate it. */
  readonly cost: Cost;
  /** What it reads of an input. */
  readonly reads: Reads;
  /** Whether its head names `Action::"Introspect"`. */
  readonly isOfIntrospection: boolean;
}

/** A policy with its place in its module. */
export interface ReadPolicy extends NamedPolicy {
  readonly module: string;
  /** Its start in the module, in UTF-16 units. */
  readonly offset: number;
  readonly annotations: readonly string[];
}

/**
 * The most bytes of one policy. Cedar compares the elements of a set literal with each other: the cost of
 * a decision may grow faster than the text (cost.ts), and one policy is the least that can be asked at once.
 */
export const MAX_POLICY_BYTES = 32 * 1024;
const MAX_ID_LENGTH = 256;

type FaultText = Pick<TextFault, 'message'>;

/**
 * Parses the policies of a module.
 *
 * @param faults receives what is wrong with them
 * @throws if the engine fails, which it should not for a text that passes the checks before it
 */
export function readModule({ id, content }: PolicySource, faults: CompileFault[]): ReadPolicy[] {
  const before = faults.length;
  const refuse = (policy: string, { offset, message, help }: Partial<TextFault> & FaultText) =>
    void faults.push({
      policy,
      message,
      ...(offset !== undefined && positionAt(content, offset)),
      ...(help && { help }),
    });
  if (!isId(id)) refuse(id, { message: 'not a usable module id' });
  if (!isWellFormed(content)) refuse(id, { message: 'not well-formed Unicode' });
  const tooDeep = findTooDeep(content);
  if (tooDeep) refuse(id, tooDeep);
  // Texts on which the engine would fail must not reach it.
  if (faults.length > before) return [];

  const parts = withCedar((cedar) => cedar.policySetTextToParts(content));
  if (parts.type === 'failure') {
    for (const error of withRelated(parts.errors)) refuse(id, fromCedar(error, content));
    return [];
  }
  const [template] = parts.policy_templates;
  if (template !== undefined) {
    refuse(id, { message: 'templates are not supported', offset: content.indexOf(template) });
    return [];
  }

  const named: ReadPolicy[] = [];
  let cursor = 0;
  for (const [index, text] of inFileOrder(parts.policies).entries()) {
    const offset = content.indexOf(text, cursor);
    cursor = offset + text.length;
    const fallback = parts.policies.length === 1 ? id : `${id}.${index + 1}`;
    if (Buffer.byteLength(text) > MAX_POLICY_BYTES) {
      const message = `a policy larger than ${MAX_POLICY_BYTES} bytes`;
      refuse(fallback, { message, offset, help: 'split it into several policies' });
      continue;
    }
    const parsed = withCedar((cedar) => cedar.policyToJson(text));
    if (parsed.type === 'failure') {
      for (const { message } of withRelated(parsed.errors)) refuse(fallback, { message, offset });
      continue;
    }
    const { effect, annotations = {} } = parsed.json;
    const name = Object.hasOwn(annotations, 'id') ? (annotations['id'] ?? '') : fallback;
    if (!isId(name)) refuse(fallback, { message: '@id needs a value', offset });
    const obligations = readObligations(effect, annotations, (message, help) =>
      refuse(name, { message, offset, ...(help && { help }) }),
    );
    named.push({
      id: name,
      text,
      head: headOf(parsed.json),
      cost: costOf(parsed.json),
      reads: readsOf(parsed.json, obligations.stepUp !== undefined),
      isOfIntrospection: namesAction(parsed.json, 'Introspect'),
      compiled: { id: name, effect, ...obligations },
      module: id,
      offset,
      annotations: Object.keys(annotations),
    });
  }
  return named;
}

function isId(id: string): boolean {
  return id !== '' && id.length <= MAX_ID_LENGTH && isWellFormed(id);
}

/** The policies in the order of the text. Cedar calls them policy0, policy1, … and sorts them by those names as strings. */
function inFileOrder(texts: readonly string[]): string[] {
  const positions = texts.map((_, n) => n).toSorted((a, b) => (`${a}` < `${b}` ? -1 : 1));
  return positions
    .map((position, n) => ({ position, text: texts[n] ?? '' }))
    .toSorted((a, b) => a.position - b.position)
    .map(({ text }) => text);
}

/** Errors of Cedar, each followed by its related errors. */
export function withRelated(errors: readonly DetailedError[]): DetailedError[] {
  return errors.flatMap((error) => [error, ...withRelated(error.related ?? [])]);
}

function fromCedar(error: DetailedError, content: string): FaultText & Partial<TextFault> {
  const [location] = error.sourceLocations ?? [];
  const help = error.help ?? location?.label;
  return {
    message: error.message.replace(/^failed to parse polic(?:y|ies) from string: /, ''),
    ...(help && { help }),
    ...(location && { offset: offsetOfByte(content, location.start) }),
  };
}
