import { createHash } from 'node:crypto';
import {
  type CompileFault,
  type CompiledPolicy,
  type NamedPolicy,
  type PolicySource,
  type ReadPolicy,
  readModule,
} from './read-module.js';
import { Slices } from './slices.js';

export type { CompileFault, CompiledPolicy, PolicySource };

/** A policy set that is known to parse. Immutable, and garbage-collected like any object (see engine.ts). */
export interface CompiledPolicySet {
  readonly manifestSha256: string;
  /** The length of its text. */
  readonly textBytes: number;
  readonly policies: ReadonlyMap<string, CompiledPolicy>;
  readonly slices: Slices;
  /**
   * The forbids whose head names `Action::"Introspect"`; `null` if there are none. To introspect is permitted unless one
   * of these says otherwise, so that policies without a word about it mean what they meant.
   */
  readonly ofIntrospection: CompiledPolicySet | null;
}

/** Thrown for a policy set that does not compile. */
export class UncompilablePolicy extends Error {
  override readonly name = 'UncompilablePolicy';

  constructor(
    readonly errors: readonly CompileFault[],
    options?: ErrorOptions,
  ) {
    super(errors.map(({ policy, message }) => `${policy}: ${message}`).join('; '), options);
  }
}

/** The most bytes of one module. */
export const MAX_MODULE_BYTES = 256 * 1024;
/** The most policies of a set. */
export const MAX_POLICIES = 10_000;
/** The most bytes of a whole set, which the engine may hold twice: whole and without its step-up forbids. */
export const MAX_SET_BYTES = 4 * 1024 * 1024;
const MAX_FAULTS = 100;

/**
 * Compiles modules to one set; an empty one denies everything. The id of a policy is its `@id`, otherwise
 * that of its module, with `.<n>` (counted from 1) if the module holds more than one.
 *
 * Takes 0.3 ms for each policy: use `compileInBackground` for sets that may be large.
 *
 * @throws {UncompilablePolicy}
 */
export function compile(modules: readonly PolicySource[]): CompiledPolicySet {
  return assemble(manifestSha256(modules), readSet(modules));
}

/**
 * Makes a set of policies that {@link readSet} has read.
 *
 * @param manifest the manifest hash of their modules
 */
export function assemble(manifest: string, policies: readonly NamedPolicy[]): CompiledPolicySet {
  const forbids = policies.filter(
    ({ isOfIntrospection, compiled }) => isOfIntrospection && compiled.effect === 'forbid',
  );
  return {
    ...assembleOne(manifest, policies),
    ofIntrospection: forbids.length === 0 ? null : assembleOne(manifest, forbids),
  };
}

function assembleOne(manifest: string, policies: readonly NamedPolicy[]): CompiledPolicySet {
  return {
    manifestSha256: manifest,
    textBytes: policies.reduce((sum, { text }) => sum + text.length, 0),
    policies: new Map(policies.map(({ id, compiled }) => [id, compiled])),
    slices: new Slices(policies),
    ofIntrospection: null,
  };
}

/**
 * Parses the policies of the modules of one set, and checks its limits.
 *
 * @throws {UncompilablePolicy}
 */
export function readSet(modules: readonly PolicySource[]): ReadPolicy[] {
  refuseTooLarge(modules);
  const faults: CompileFault[] = [];
  const moduleIds = new Set<string>();
  const policies = new Map<string, ReadPolicy>();
  for (const module of modules) {
    if (moduleIds.has(module.id)) {
      faults.push({ policy: module.id, message: 'another module has this id' });
    }
    moduleIds.add(module.id);
    for (const named of readOrRefuse(module, faults)) {
      if (policies.has(named.id)) {
        faults.push({ policy: named.id, message: 'another policy has this id' });
      }
      policies.set(named.id, named);
    }
    if (policies.size > MAX_POLICIES) {
      faults.push({ policy: module.id, message: `the set holds over ${MAX_POLICIES} policies` });
      break;
    }
    if (faults.length >= MAX_FAULTS) break;
  }
  if (faults.length > 0) throw new UncompilablePolicy(faults.slice(0, MAX_FAULTS));
  return [...policies.values()];
}

/** The manifest hash of modules, independent of their order: hex SHA-256 over `[[id, sha256(content)], …]` as JSON. */
export function manifestSha256(modules: readonly PolicySource[]): string {
  return manifestOf(modules.map(({ id, content }) => [id, sha256(content)]));
}

/** The manifest hash, from the ids and content hashes of the modules. */
export function manifestOf(entries: readonly (readonly [id: string, sha256: string])[]): string {
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
  if (faults.length > 0) throw new UncompilablePolicy(faults.slice(0, MAX_FAULTS));
}

function readOrRefuse(module: PolicySource, faults: CompileFault[]): ReadPolicy[] {
  try {
    return readModule(module, faults);
  } catch (cause) {
    const message = 'the policy engine cannot take it in';
    throw new UncompilablePolicy([{ policy: module.id, message }], { cause });
  }
}
