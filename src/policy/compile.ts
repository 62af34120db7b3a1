import { createHash } from 'node:crypto';
import type { PreparedPolicies } from './engine.js';
import {
  type CompileFault,
  type CompiledPolicy,
  type NamedPolicy,
  type PolicySource,
  readModule,
} from './read-module.js';

export type { CompileFault, CompiledPolicy, PolicySource };

/** A policy set that is known to parse. Immutable, and collected like any object: see engine.ts. */
export interface CompiledPolicySet {
  readonly manifestSha256: string;
  readonly policies: ReadonlyMap<string, CompiledPolicy>;
  readonly all: PreparedPolicies;
  /** What is left once the step-up forbids are lifted. */
  readonly withoutStepUps: PreparedPolicies;
}

/** The set does not compile. */
export class PolicyCompileError extends Error {
  override readonly name = 'PolicyCompileError';

  constructor(
    readonly errors: readonly CompileFault[],
    options?: ErrorOptions,
  ) {
    super(errors.map(({ policy, message }) => `${policy}: ${message}`).join('; '), options);
  }
}

export const MAX_MODULE_BYTES = 256 * 1024;
export const MAX_POLICIES = 10_000;
/** Of a whole set, which the engine may have to hold twice: whole and without its step-up forbids. */
export const MAX_SET_BYTES = 4 * 1024 * 1024;
const MAX_FAULTS = 100;

/**
 * Compiles modules to one set; an empty one denies everything. A policy is called what its `@id` says,
 * otherwise by its module, with `.<n>` (counted from 1) if the module holds more than one.
 */
export function compile(modules: readonly PolicySource[]): CompiledPolicySet {
  refuseTooLarge(modules);
  const faults: CompileFault[] = [];
  const moduleIds = new Set<string>();
  const policies = new Map<string, CompiledPolicy>();
  const texts: [string, string][] = [];
  for (const module of modules) {
    if (moduleIds.has(module.id)) {
      faults.push({ policy: module.id, message: 'another module has this id' });
    }
    moduleIds.add(module.id);
    for (const { compiled, text } of readOrRefuse(module, faults)) {
      if (policies.has(compiled.id)) {
        faults.push({ policy: compiled.id, message: 'another policy has this id' });
      }
      policies.set(compiled.id, compiled);
      texts.push([compiled.id, text]);
    }
    if (texts.length > MAX_POLICIES) {
      faults.push({ policy: module.id, message: `the set holds over ${MAX_POLICIES} policies` });
      break;
    }
    if (faults.length >= MAX_FAULTS) break;
  }
  if (faults.length > 0) throw new PolicyCompileError(faults.slice(0, MAX_FAULTS));

  const all = prepare(texts);
  const remaining = texts.filter(([id]) => policies.get(id)?.stepUp === undefined);
  return {
    manifestSha256: manifestSha256(modules),
    policies,
    all,
    withoutStepUps: remaining.length === texts.length ? all : prepare(remaining),
  };
}

/** Names exactly these modules, whatever their order: SHA-256 over `[[id, sha256(content)], …]` as JSON. */
export function manifestSha256(modules: readonly PolicySource[]): string {
  const entries = modules.map(({ id, content }) => [id, sha256(content)] as const);
  return sha256(JSON.stringify(entries.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)))));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function refuseTooLarge(modules: readonly PolicySource[]): void {
  const sizes = modules.map(({ id, content }) => ({ id, size: Buffer.byteLength(content) }));
  const faults = sizes
    .filter(({ size }) => size > MAX_MODULE_BYTES)
    .map(({ id }) => ({ policy: id, message: `larger than ${MAX_MODULE_BYTES} bytes` }));
  if (sizes.reduce((sum, { size }) => sum + size, 0) > MAX_SET_BYTES) {
    faults.push({ policy: '*', message: `together larger than ${MAX_SET_BYTES} bytes` });
  }
  if (modules.length > MAX_POLICIES) {
    faults.push({ policy: '*', message: `more than ${MAX_POLICIES} modules` });
  }
  if (faults.length > 0) throw new PolicyCompileError(faults.slice(0, MAX_FAULTS));
}

function readOrRefuse(module: PolicySource, faults: CompileFault[]): NamedPolicy[] {
  try {
    return readModule(module, faults);
  } catch (cause) {
    const message = 'the policy engine cannot take it in';
    throw new PolicyCompileError([{ policy: module.id, message }], { cause });
  }
}

function prepare(texts: readonly (readonly [string, string])[]): PreparedPolicies {
  return {
    texts: Object.fromEntries(texts),
    size: texts.reduce(
      (sum, [id, text]) => sum + Buffer.byteLength(id) + Buffer.byteLength(text),
      0,
    ),
  };
}
