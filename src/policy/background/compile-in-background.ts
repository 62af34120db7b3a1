import { setImmediate } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { Background, BackgroundFailure } from './background.js';
import {
  type CompiledPolicySet,
  GatheredPolicies,
  MAX_POLICIES,
  MAX_SET_BYTES,
  type ModuleReading,
  type PolicySource,
  assembleInSteps,
  compile,
  manifestOf,
} from '../engine/compile.js';
import { contentSha256 } from '../engine/load-modules.js';
import type { Located, LocateRequest } from '../engine/locate.js';
import type { NamedPolicy } from '../engine/read-module.js';
import type { ValidationRequest } from './tasks.js';
import type { Validation } from '../engine/validate.js';

/** Characters of text up to which a set is compiled on this thread, in some 20 ms at most: cheaper than another thread. */
const AT_ONCE = 8 * 1024;

/**
 * Characters of modules that the thread is given at once, if no single one has more: some 50 ms on a processor of its
 * own, after which the set of another zone has its turn.
 */
const OF_ONE_TURN = 32 * 1024;

/** The most sets that are read at once. Each waits for one turn at a time, so none is refused its next for one that comes. */
const MAX_UNDER_WAY = 256;

/**
 * The thread for compiling. 10,000 policies take it some 2 s on a processor of its own, in turns of {@link OF_ONE_TURN}. Its
 * priority is not as low as that of others: until a set is compiled nothing is answered in its zone.
 */
const compiler = new Background({
  timeMs: 60_000,
  memoryMb: 512,
  queued: MAX_UNDER_WAY,
  niceness: 5,
});
let underWay = 0;

/** The thread for validating: another one, so that authors of policies do not delay compilations that requests wait for. */
const validator = new Background({ timeMs: 60_000, memoryMb: 512, queued: 32 });

/** Characters that a module weighs beside its text: that it is known at all takes memory, also of one that is empty. */
const OF_MODULE = 256;

/**
 * Modules as they were read, by their hash and id. A version of a large set has most of them from the one before, and one
 * that the thread had no time for goes on where it was. What is also in a compiled set takes no memory here.
 */
const known = new LRUCache<string, ModuleReading>({
  maxSize: MAX_SET_BYTES + MAX_POLICIES * OF_MODULE,
});

/**
 * Compiles as `compile` does, on another thread: 10,000 policies block this one for well under 50 ms
 * at a time. The other thread returns text; the engine of this one parses a part of it when a request needs
 * it (slices.ts), or before the first one by `warm`.
 *
 * @throws {UncompilablePolicy}
 * @throws {BackgroundFailure} if the thread was ended, or too many sets are being read: what is begun is not refused later
 */
export async function compileInBackground(
  modules: readonly PolicySource[],
): Promise<CompiledPolicySet> {
  const size = modules.reduce((sum, { content }) => sum + content.length, 0);
  if (size <= AT_ONCE) return compile(modules);
  const gathered = new GatheredPolicies(modules);
  if (underWay >= MAX_UNDER_WAY) throw new BackgroundFailure('busy');
  underWay += 1;
  try {
    return await compileInTurns(modules, gathered);
  } finally {
    underWay -= 1;
  }
}

async function compileInTurns(
  modules: readonly PolicySource[],
  gathered: GatheredPolicies<NamedPolicy>,
): Promise<CompiledPolicySet> {
  const hashes: (readonly [id: string, sha256: string])[] = [];
  for (const some of inTurns(modules)) {
    const hashed = some.map((module) => ({ module, sha256: contentSha256(module.content) }));
    hashes.push(...hashed.map(({ module, sha256 }) => [module.id, sha256] as const));
    // oxlint-disable-next-line no-await-in-loop -- in turns with other sets
    const readings = await readEach(hashed);
    // oxlint-disable-next-line no-await-in-loop -- and with requests, where all of them are known
    await setImmediate();
    if (!readings.every((reading, n) => gathered.add(some[n]?.id ?? '', reading))) break;
  }
  return assembleInSteps(manifestOf(hashes), gathered.all(), setImmediate);
}

/** A module, and the hash of its text. */
interface HashedModule {
  readonly module: PolicySource;
  readonly sha256: string;
}

/** Modules as they are read, in their order: those that are not known by the thread. */
async function readEach(hashed: readonly HashedModule[]): Promise<ModuleReading[]> {
  const kept = hashed.map((each) => known.get(keyOf(each)));
  const unread = hashed.filter((_, n) => kept[n] === undefined);
  if (unread.length === 0) return kept.flatMap((each) => each ?? []);
  const texts = await compiler.run(
    'readModules',
    unread.map(({ module }) => module),
  );
  const read = texts.map((text): ModuleReading => JSON.parse(text));
  for (const [n, reading] of read.entries()) {
    const each = unread[n];
    if (each === undefined || reading.faults.length > 0) continue;
    known.set(keyOf(each), reading, { size: OF_MODULE + each.module.content.length });
  }
  return kept.flatMap((each) => each ?? read.shift() ?? []);
}

/** What a reading depends on: the text, and the id, which names policies without a name of their own. */
function keyOf({ module, sha256 }: HashedModule): string {
  return `${sha256} ${module.id}`;
}

/** Modules in their order, as many at once as a turn has room for, and at least one. */
function* inTurns(modules: readonly PolicySource[]): Generator<readonly PolicySource[]> {
  let some: PolicySource[] = [];
  let room = OF_ONE_TURN;
  for (const module of modules) {
    room -= module.content.length;
    if (room < 0 && some.length > 0) {
      yield some;
      some = [];
      room = OF_ONE_TURN - module.content.length;
    }
    some.push(module);
  }
  if (some.length > 0) yield some;
}

/**
 * Validates as `validate` does, on another thread, against the schema with the zone's extension.
 * Without modules it checks the extension only.
 *
 * @throws {InvalidSchema}
 * @throws {BackgroundFailure}
 */
export async function validateInBackground(request: ValidationRequest): Promise<Validation> {
  return validator.run('validate', request);
}

/**
 * Finds policies as `locate` does, on the thread for authors' work.
 *
 * @throws {UncompilablePolicy}
 * @throws {BackgroundFailure}
 */
export async function locateInBackground(request: LocateRequest): Promise<Located> {
  return validator.run('locate', request);
}
