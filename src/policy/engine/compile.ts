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
  const steps = assembling(manifest, policies);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/**
 * Makes a set as {@link assemble} does, in steps: ten thousand policies at once would hold up the thread.
 *
 * @param pause is awaited between two steps
 */
export async function assembleInSteps(
  manifest: string,
  policies: readonly NamedPolicy[],
  pause: () => Promise<unknown>,
): Promise<CompiledPolicySet> {
  const steps = assembling(manifest, policies);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    // oxlint-disable-next-line no-await-in-loop -- one step after the other
    await pause();
  }
}

/** Policies that are taken in within one step. */
const OF_ONE_STEP = 500;

function* assembling(
  manifest: string,
  policies: readonly NamedPolicy[],
): Generator<void, CompiledPolicySet, void> {
  const forbids = policies.filter(
    ({ isOfIntrospection, compiled }) => isOfIntrospection && compiled.effect === 'forbid',
  );
  const all = yield* assemblingOne(manifest, policies);
  const ofIntrospection = forbids.length === 0 ? null : yield* assemblingOne(manifest, forbids);
  return { ...all, ofIntrospection };
}

function* assemblingOne(
  manifest: string,
  named: readonly NamedPolicy[],
): Generator<void, CompiledPolicySet, void> {
  const policies = new Map<string, CompiledPolicy>();
  const slices = new Slices([]);
  let textBytes = 0;
  for (const [n, policy] of named.entries()) {
    if (n > 0 && n % OF_ONE_STEP === 0) yield;
    policies.set(policy.id, policy.compiled);
    slices.add(policy);
    textBytes += policy.text.length;
  }
  return { manifestSha256: manifest, textBytes, policies, slices, ofIntrospection: null };
}

/**
 * Parses the policies of the modules of one set, and checks its limits.
 *
 * @throws {UncompilablePolicy}
 */
export function readSet(modules: readonly PolicySource[]): ReadPolicy[] {
  const gathered = new GatheredPolicies<ReadPolicy>(modules);
  modules.every((module) => gathered.add(module.id, readOne(module)));
  return gathered.all();
}

/** The policies of one module, and what is wrong with it. */
export interface ModuleReading<P extends NamedPolicy = NamedPolicy> {
  readonly policies: readonly P[];
  readonly faults: readonly CompileFault[];
}

/** Parses the policies of one module. @throws {UncompilablePolicy} if the engine cannot take it in */
export function readOne(module: PolicySource): ModuleReading<ReadPolicy> {
  const faults: CompileFault[] = [];
  try {
    return { policies: readModule(module, faults), faults };
  } catch (cause) {
    const message = 'the policy engine cannot take it in';
    throw new UncompilablePolicy([{ policy: module.id, message }], { cause });
  }
}

/** The policies of a set while its modules are read one after the other, within the limits of a set. */
export class GatheredPolicies<P extends NamedPolicy> {
  private readonly moduleIds = new Set<string>();
  private readonly policies = new Map<string, P>();
  private readonly faults: CompileFault[] = [];

  /**
   * @param modules all of the set
   * @throws {UncompilablePolicy} if they are too many or too large, whatever is in them
   */
  constructor(modules: readonly PolicySource[]) {
    refuseTooLarge(modules);
  }

  /**
   * Adds what one module holds.
   *
   * @returns whether the rest is worth reading: false if too much is wrong already
   */
  add(module: string, { policies, faults }: ModuleReading<P>): boolean {
    if (this.moduleIds.has(module)) this.refuse(module, 'another module has this id');
    this.moduleIds.add(module);
    this.faults.push(...faults);
    for (const policy of policies) {
      if (this.policies.has(policy.id)) this.refuse(policy.id, 'another policy has this id');
      this.policies.set(policy.id, policy);
    }
    if (this.policies.size > MAX_POLICIES) {
      this.refuse(module, `the set holds over ${MAX_POLICIES} policies`);
      return false;
    }
    return this.faults.length < MAX_FAULTS;
  }

  /** All of them, in the order of their modules. @throws {UncompilablePolicy} if anything is wrong with one */
  all(): P[] {
    if (this.faults.length > 0) throw new UncompilablePolicy(this.faults.slice(0, MAX_FAULTS));
    return [...this.policies.values()];
  }

  private refuse(policy: string, message: string): void {
    this.faults.push({ policy, message });
  }
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
