import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { input } from '../policy.fixture.js';

// Only JavaScript can run on another thread, so this folder is compiled as it is at this moment, to
// where its imports still resolve.
const POLICY = fileURLToPath(new URL('..', import.meta.url));
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache', import.meta.url));
mkdirSync(CACHE, { recursive: true });
const root = mkdtempSync(join(CACHE, 'policy-'));
const compiled = join(root, 'policy');
/** What the folder imports from others. */
const BESIDE = ['../platform/kept-on.ts'];

function compileFolder(): void {
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  const sources = readdirSync(POLICY, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !/\.(spec|entity|service|module)\.ts$/.test(name),
  );
  for (const name of [...sources, ...BESIDE]) {
    const { outputText } = ts.transpileModule(readFileSync(join(POLICY, name), 'utf8'), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    const file = join(compiled, name.replace(/ts$/, 'js'));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, outputText);
  }
}

const load = (file: string) => import(/* @vite-ignore */ pathToFileURL(join(compiled, file)).href);

let authoring: typeof import('./compile-in-background.js');
let simulator: typeof import('./simulate-in-background.js');
let simulation: typeof import('../engine/simulation.js');
let background: typeof import('./background.js');
let evaluation: typeof import('../engine/evaluate.js');
let inquiry: typeof import('../engine/inquiry.js');
let compilation: typeof import('../engine/compile.js');
let engine: typeof import('../engine/engine.js');
let slices: typeof import('../engine/slices.js');
let deciding: typeof import('./decide.js');
let weighing: typeof import('./weigh-set.js');
let threads: typeof import('./decision-threads.js');

beforeAll(async () => {
  compileFolder();
  background = await load('background/background.js');
  evaluation = await load('engine/evaluate.js');
  inquiry = await load('engine/inquiry.js');
  compilation = await load('engine/compile.js');
  engine = await load('engine/engine.js');
  slices = await load('engine/slices.js');
  deciding = await load('background/decide.js');
  weighing = await load('background/weigh-set.js');
  threads = await load('background/decision-threads.js');
  authoring = await load('background/compile-in-background.js');
  simulator = await load('background/simulate-in-background.js');
  simulation = await load('engine/simulation.js');
});

afterAll(async () => {
  await background.stopBackground();
  rmSync(root, { recursive: true, force: true });
});

/** Policies that concern one application each, except for one in a thousand. */
function policies(count: number, module = 'module') {
  return Array.from({ length: count }, (_, n) => {
    const who = n % 1000 === 0 ? 'principal' : `principal == Application::"app-${n}"`;
    return {
      id: `${module}-${n}`,
      content: `@id("p${n}") @reason("number ${n}")
permit(${who}, action == Action::"TokenExchange", resource)
when { resource.scopes.containsAll(context.requested_scopes) && principal.zone_id == "zone-1" };`,
    };
  });
}

const named = (id: string) => `@id("${id}") permit(principal, action, resource);`;
const alike = (count: number, content: string) =>
  Array.from({ length: count }, (_, n) => ({ id: `many-${n}`, content }));

function faultsOf(compile: () => unknown): unknown {
  try {
    return compile();
  } catch (error) {
    return Reflect.get(Object(error), 'errors');
  }
}

describe('compiling on another thread', () => {
  test('makes the set that compiling on this one makes', async () => {
    const modules = policies(500);
    const here = compilation.compile(modules);
    const there = await authoring.compileInBackground(modules);
    expect(there.manifestSha256).toBe(here.manifestSha256);
    expect(there.policies).toEqual(here.policies);
    for (const id of ['app-1', 'app-2', 'app-none']) {
      const asked = input({ principal: { id } });
      expect(evaluation.evaluate(there, asked)).toEqual(evaluation.evaluate(here, asked));
    }
  });

  test('throws what compiling on this one throws', async () => {
    const modules = [...policies(200), { id: 'bad', content: '\n permit(principal' }];
    await expect(authoring.compileInBackground(modules)).rejects.toMatchObject({
      name: 'UncompilablePolicy',
      errors: [{ policy: 'bad', line: 2 }],
    });
    await expect(authoring.compileInBackground(modules)).rejects.toBeInstanceOf(
      compilation.UncompilablePolicy,
    );
  });

  test.each([
    ['the same name in two modules', [...policies(200), { id: 'again', content: named('p7') }]],
    ['the same module twice', [...policies(200), { id: 'module-7', content: named('other') }]],
    ['more faults than are told', [...policies(200), ...alike(150, 'permit(')]],
    ['too many modules', alike(10_001, 'permit(')],
    ['too large a module', [{ id: 'large', content: `//${'-'.repeat(256 * 1024)}` }]],
  ])('refuses %s as compiling on this one does', async (_what, modules) => {
    const errors = faultsOf(() => compilation.compile(modules));
    await expect(authoring.compileInBackground(modules)).rejects.toMatchObject({ errors });
  });

  test('lets the set of another zone through between two turns of a large one', async () => {
    const done: string[] = [];
    const large = authoring.compileInBackground(policies(800, 'large'));
    const small = authoring.compileInBackground(policies(60, 'small'));
    await Promise.all([large.then(() => done.push('large')), small.then(() => done.push('small'))]);
    expect(done).toEqual(['small', 'large']);
  });

  test('refuses what comes while many are read, and none that was begun its next turn', async () => {
    // Two turns each, in which there is little to read.
    const set = (name: string) =>
      ['one', 'two'].map((id) => ({ id, content: `// ${name}${' '.repeat(17 * 1024)}` }));
    const begun = Array.from({ length: 256 }, (_, n) =>
      authoring.compileInBackground(set(`begun ${n}`)),
    );
    const all = Promise.allSettled(begun);
    const over = new AbortController();
    void all.finally(() => over.abort());
    const refused = new Set<unknown>();
    for (let n = 0; !over.signal.aborted; n += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await authoring
        .compileInBackground(set(`late ${n}`))
        .catch((error: unknown) => refused.add(Reflect.get(Object(error), 'reason')));
      // oxlint-disable-next-line no-await-in-loop
      await setImmediate();
    }
    expect([...refused]).toEqual(['busy']);
    expect((await all).filter(({ status }) => status === 'rejected')).toEqual([]);
  });

  test('reads again only what has changed since another version of a set', async () => {
    const modules = policies(200, 'version');
    const first = await authoring.compileInBackground(modules);
    const asked = vi.spyOn(background.Background.prototype, 'run');
    const changed = { id: 'version-150', content: named('new') };
    const next = await authoring.compileInBackground(modules.with(150, changed));
    expect(asked.mock.calls).toEqual([['readModules', [changed]]]);
    asked.mockRestore();
    expect(next.policies).toEqual(compilation.compile(modules.with(150, changed)).policies);
    expect(next.manifestSha256).not.toBe(first.manifestSha256);
    expect([...first.policies.keys()]).toContain('p150');
    // A policy without a name has that of its module.
    const renamed = modules.map(({ content }, n) => ({ id: `renamed-${n}`, content }));
    const bare = renamed.map((each) => ({ ...each, content: each.content.replace(/@id\S+/, '') }));
    const moved = bare.map(({ content }, n) => ({ id: `moved-${n}`, content }));
    await authoring.compileInBackground(bare);
    expect((await authoring.compileInBackground(moved)).policies.has('moved-3')).toBe(true);
  });

  test('leaves this thread to others meanwhile, and so does warming up', async () => {
    // What concerns everybody has to be parsed on this thread, 32 KiB at a time.
    const modules = policies(1_500).map(({ id, content }) => ({
      id,
      content: content.replace(/principal == Application::"[^"]*"/, 'principal'),
    }));
    const compiling = await turnsDuring(
      () => setTimeout(1),
      () => authoring.compileInBackground(modules),
    );
    expect(compiling.result.policies.size).toBe(1_500);
    expect(compiling.turns).toBeGreaterThan(6);
    const set = compiling.result;
    const warming = await turnsDuring(
      () => setImmediate(),
      () => evaluation.warm(set),
    );
    expect(warming.parsed).toBeGreaterThan(4 * slices.PART_BYTES);
    expect(warming.mostAtOnce).toBeLessThanOrEqual(2 * slices.PART_BYTES);
    expect(evaluation.evaluate(set, input()).decision).toBe('allow');
  });
});

/** What others on this thread see of some work: how many turns they had, and how much was parsed between two. */
async function turnsDuring<T>(turn: () => Promise<unknown>, work: () => Promise<T>) {
  let [turns, parsed, mostAtOnce] = [0, 0, 0];
  const done = new AbortController();
  let held = engine.residency().text;
  const watching = (async () => {
    while (!done.signal.aborted) {
      await turn();
      const now = engine.residency().text;
      turns += 1;
      parsed += Math.max(0, now - held);
      mostAtOnce = Math.max(mostAtOnce, now - held);
      held = now;
    }
  })();
  const result = await work();
  done.abort();
  await watching;
  return { result, turns, parsed, mostAtOnce };
}

describe('validating on another thread', () => {
  const extension = 'type SubjectClaims = { department?: String };';
  const modules = [
    {
      id: 'module',
      content:
        '@id("p") forbid(principal, action, resource) unless { context has subject_claims.department };',
    },
  ];

  test('finds what validating on this one finds', async () => {
    const { warnings } = await authoring.validateInBackground({ modules });
    expect(warnings).toEqual([]);
    const bare = [{ id: 'm', content: 'permit(principal, action, resource) when { context.x };' }];
    const found = await authoring.validateInBackground({ modules: bare });
    expect(found.errors.map(({ policy, line }) => [policy, line])).toEqual([
      ['m', 1],
      ['m', 1],
    ]);
    expect(await authoring.validateInBackground({ modules, extension })).toEqual({
      errors: [],
      warnings: [],
    });
  });

  test('refuses an extension that zoneSchema refuses', async () => {
    await expect(
      authoring.validateInBackground({ modules: [], extension: 'type SubjectClaims = 1;' }),
    ).rejects.toMatchObject({ name: 'InvalidSchema', errors: [{ policy: 'schema', line: 1 }] });
  });
});

describe('simulating on another thread', () => {
  const bundle = {
    policies: [
      { id: 'reads', content: 'permit(principal == Application::"app-1", action, resource);' },
      {
        id: 'mfa',
        content:
          '@step_up("mfa") forbid(principal, action, resource) unless { principal.id == "app-1" };',
      },
    ],
  };
  const inputs = ['app-1', 'app-2', 'app-1'].map((id) => input({ principal: { id } }));
  /** Many seconds of comparing. */
  const hostile = {
    policies: Array.from({ length: 15 }, (_, n) => ({
      id: `m${n}`,
      content:
        `permit(principal, action, resource) when { [${Array(4_000).fill('context').join()}].contains(2) };`.repeat(
          7,
        ),
    })),
    input: input({
      context: { actor_claims: { all: Array.from({ length: 2_000 }, (_, n) => `${n}`) } },
    }),
  };

  test('answers what simulating on this one answers', async () => {
    const [first = input()] = inputs;
    const single = { ...bundle, input: first };
    expect(await simulator.simulateInBackground(single)).toEqual(simulation.simulate(single));
    const { results, manifest_sha256 } = await simulator.simulateInBackground({
      ...bundle,
      inputs,
    });
    expect(manifest_sha256).toBe(simulation.simulate(single).manifest_sha256);
    expect(results).toEqual(
      inputs.map((each) => simulation.simulate({ ...bundle, input: each }).result),
    );
  });

  test('throws what simulating on this one throws', async () => {
    const [first = input()] = inputs;
    const other = { ...bundle, input: first, manifest_sha256: '0'.repeat(64) };
    await expect(simulator.simulateInBackground(other)).rejects.toBeInstanceOf(
      simulation.ManifestMismatch,
    );
    const broken = { policies: [{ id: 'bad', content: 'permit(' }], inputs };
    await expect(simulator.simulateInBackground(broken)).rejects.toBeInstanceOf(
      compilation.UncompilablePolicy,
    );
  });

  test('bounds what goes in and what comes out', async () => {
    const many = { ...bundle, inputs: Array.from({ length: 1_001 }, () => input()) };
    const large = input({ context: { actor_claims: { a: 'x'.repeat(35_000) } } });
    const reasons = Array.from(
      { length: 100 },
      () => `@reason("${'x'.repeat(2_000)}") permit(principal, action, resource);`,
    );
    const verbose = {
      policies: [{ id: 'm', content: reasons.join('') }],
      inputs: Array.from({ length: 100 }, () => input()),
    };
    const refused = { name: 'SimulationTooLarge', limit: 'size' };
    for (const request of [many, { ...bundle, input: large }]) {
      const simulated = simulator.simulateInBackground(request as typeof many);
      await expect(simulated).rejects.toMatchObject(refused);
    }
    // That much takes a while, and on the other thread only so long as it may take there.
    expect(() => simulation.simulateEach(verbose)).toThrow(expect.objectContaining(refused));
  });

  test('ends what takes too long, keeps this thread free, and goes on', async () => {
    const on = new background.Background({ timeMs: 4_000, memoryMb: 256, queued: 2 });
    const stuck = simulator.simulateInBackground(hostile, on);
    const behind = simulator.simulateInBackground({ ...bundle, inputs }, on);
    // This thread has many turns before the other one is ended.
    let turns = 0;
    const watching = (async () => {
      while (turns < 1_000) {
        await setTimeout(1);
        turns += 1;
      }
    })();
    await expect(stuck).rejects.toMatchObject({ name: 'SimulationTooLarge', limit: 'time' });
    expect(turns).toBeGreaterThan(50);
    await watching;
    expect((await behind).results).toHaveLength(3);
  });

  test('says when too many wait', async () => {
    const requests = Array.from({ length: 20 }, () =>
      simulator.simulateInBackground({ ...bundle, inputs }),
    );
    const outcomes = await Promise.allSettled(requests);
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(failures).toHaveLength(4);
    for (const { reason } of failures) expect(reason).toBeInstanceOf(simulator.SimulationBusy);
    expect((await simulator.simulateInBackground({ ...bundle, inputs })).results).toHaveLength(3);
  });
});

describe('deciding on another thread', () => {
  const limits = { threads: 2, timeMs: 60_000, waitMs: 60_000, memoryMb: 128, queuedPerZone: 8 };
  const asked = ['app-1', 'app-2', 'app-none'].flatMap((id) => [
    input({ principal: { id } }),
    input({ principal: { id }, context: { challenge_resolved: true } }),
    input({ principal: { id }, context: { requested_scopes: ['other'] } }),
  ]);

  test('comes to what deciding on this one comes to', async () => {
    const on = new threads.DecisionThreads(limits);
    // Several parts: what concerns all is more than the engine takes in one.
    const modules = [
      ...policies(300).map(({ id, content }) => ({
        id,
        content: content.replace(/principal == Application::"[^"]*"/, 'principal'),
      })),
      {
        id: 'mfa',
        content:
          '@step_up("mfa") forbid(principal, action, resource) when { principal.id == "app-1" };',
      },
      {
        id: 'errs',
        content:
          'forbid(principal == Application::"app-2", action, resource) when { principal.none };',
      },
    ];
    const set = compilation.compile(modules);
    const here = asked.map((each) => evaluation.evaluate(set, each));
    expect(new Set(here.map(({ decision }) => decision))).toEqual(
      new Set(['step_up', 'allow', 'deny']),
    );
    expect(await deciding.decideOnThread(on, 'zone', inquiry.inquire(set, asked))).toEqual(here);
    // Again, now that the thread holds them, and on the other thread, which does not.
    const again = await Promise.all(
      ['a', 'b'].map((key) => deciding.decideOnThread(on, key, inquiry.inquire(set, asked))),
    );
    expect(again).toEqual([here, here]);
  });

  test('ends what takes too long, which another zone does not feel', async () => {
    const on = new threads.DecisionThreads({ ...limits, threads: 1, timeMs: 1_500 });
    const endless = compilation.compile(
      Array.from({ length: 60 }, (_, n) => ({
        id: `m${n}`,
        content: `permit(principal, action, resource) when { [${Array(3_500).fill('context').join()}].contains(2) };`,
      })),
    );
    const large = input({
      context: { actor_claims: { all: Array.from({ length: 4_000 }, (_, n) => `${n}`) } },
    });
    const small = compilation.compile(policies(3));
    const [first = input()] = asked;
    const stuck = deciding.decideOnThread(on, 'a', inquiry.inquire(endless, [large]));
    const behind = deciding.decideOnThread(on, 'b', inquiry.inquire(small, [first]));
    await expect(stuck).rejects.toMatchObject({ name: 'BackgroundFailure', reason: 'time' });
    expect(await behind).toEqual([evaluation.evaluate(small, first)]);
  });

  test('refuses a set by which the largest inputs take too long, if that is no surprise', async () => {
    const on = new threads.DecisionThreads({ ...limits, threads: 1, timeMs: 1 });
    const heavy = compilation.compile([
      {
        id: 'm',
        content: `permit(principal, action, resource) when { [${Array(3_500).fill('context').join()}].contains(2) };`,
      },
    ]);
    const refused = weighing.weighSet('a', heavy, { on, timeMs: 1 });
    await expect(refused).rejects.toMatchObject({ name: 'TooHeavy' });
    // By the bound it takes less than so long: then it is the machine that was too busy.
    const timeMs = 60_000;
    const weight = await weighing.weighSet('a', heavy, { on, timeMs });
    expect(weight).toMatchObject({ measuredMs: timeMs, atOnceBytes: expect.any(Number) });
    expect(weight.boundMs).toBeLessThan(timeMs);
    const light = compilation.compile(policies(3));
    expect(await weighing.weighSet('a', light, { on, timeMs: 1 })).toMatchObject({
      measuredMs: null,
      atOnceBytes: 32 * 1_024,
    });
  });

  test('is for what may take long, by its text and its input', () => {
    const [first = input()] = asked;
    const large = input({
      context: { actor_claims: { all: Array.from({ length: 3_000 }, (_, n) => `${n}`) } },
    });
    const compares = compilation.compile([
      {
        id: 'm',
        content: `permit(principal, action, resource) when { [${Array(550).fill('context').join()}].contains(2) };`,
      },
    ]);
    const plain = compilation.compile(policies(1_000));
    const { AT_ONCE_NS } = deciding;
    const weigh = (...[set, asking]: ConstructorParameters<typeof inquiry.Inquiry>) =>
      new inquiry.Inquiry(set, asking).weigh();
    expect(weigh(plain, first)).toBeLessThan(AT_ONCE_NS / 10);
    expect(weigh(plain, large)).toBeLessThan(AT_ONCE_NS);
    expect(weigh(compares, first)).toBeLessThan(AT_ONCE_NS);
    expect(weigh(compares, large)).toBeGreaterThan(AT_ONCE_NS);
  });
});

describe('a background thread', () => {
  const limits = { timeMs: 10_000, memoryMb: 128, queued: 2 };

  test('that needs too much memory is ended, and the next task has a new one', async () => {
    const thread = new background.Background({ ...limits, memoryMb: 16 });
    const inputs = Array.from({ length: 200 }, () =>
      input({ context: { actor_claims: { all: Array.from({ length: 20_000 }, (_, n) => n) } } }),
    );
    const outcome = await thread
      .run('simulateEach', { policies: [], inputs })
      .catch((error: Error & { reason: string }) => error.reason);
    expect(outcome).toBe('memory');
    expect(await thread.run('readModules', policies(1))).toHaveLength(1);
    await thread.stop();
  });

  test('that is stopped fails its task, and starts again for the next', async () => {
    const thread = new background.Background(limits);
    const task = thread.run('readModules', policies(5_000));
    const failed = expect(task).rejects.toMatchObject({ reason: 'lost' });
    await setTimeout(50);
    await thread.stop();
    await failed;
    expect(await thread.run('readModules', policies(1))).toHaveLength(1);
    await thread.stop();
  });
});
