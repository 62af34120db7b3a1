// A process that runs one program after another: the built `main.js` or `cli.js`, as `node dist/src/main.js` runs it,
// with the arguments, the environment and the directory that a message brings. A program ends as a process ends, by
// its SIGTERM or by itself; only the exit is kept back, for the next one. What would outlive a program there is told,
// and ends the process in earnest.
import { existsSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , marker] = process.argv;
const exitProcess = process.exit.bind(process);

/** What a program may listen to, and outlives it. The streams are made when they are first looked at. */
const EMITTERS = [process, process.stdout, process.stderr];

/** Timers that a program has set. The end of a process ends them, done or not. */
const timers = new Set();
for (const name of ['setTimeout', 'setInterval']) {
  const original = globalThis[name];
  const set = (...args) => {
    const timer = original(...args);
    if (timers.size >= 1_000) forgetDone();
    timers.add(timer);
    return timer;
  };
  globalThis[name] = Object.defineProperties(set, Object.getOwnPropertyDescriptors(original));
}

function forgetDone() {
  // oxlint-disable-next-line no-underscore-dangle -- Node has no other way to ask
  for (const timer of timers) if (timer._destroyed) timers.delete(timer);
}

let runs = 0;

process.on('message', (message) => void run(message));
process.on('disconnect', () => exitProcess());

async function run({ main, args, env, directory, last }) {
  runs += 1;
  const listeners = listenersNow();
  const resources = resourcesNow();
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  process.argv = [process.execPath, main, ...args];
  process.chdir(directory);
  const ended = new Promise((resolve) => {
    process.exit = (code) => resolve(code ?? process.exitCode ?? 0);
  });
  // A module is run once for each address; those that it imports are there already.
  import(`${pathToFileURL(main).href}?run=${runs}`).catch((error) => {
    console.error(error);
    exitProcess(1);
  });
  const code = await ended;
  process.exit = exitProcess;
  for (const [emitter, event, listener] of listenersNow()) {
    const known = listeners.some(([, , one]) => one === listener);
    if (known) continue;
    emitter.off(event, listener);
    if (event === 'exit') listener.call(process, code);
  }
  for (const timer of timers) clearTimeout(timer);
  timers.clear();
  // Those of the process are registered by a module when it is loaded, and count for the process.
  const { register } = createRequire(main)('prom-client');
  for (const { name } of register.getMetricsAsArray()) {
    if (!/^(process|nodejs)_/.test(name)) register.removeSingleMetric(name);
  }
  const left = await leftovers(resources);
  if (last) left.push('enough');
  if (code !== 0 && env.DATA_DIR !== undefined && holdsLock()) left.push('a lock');
  say({ code, left });
  if (left.length > 0) exitProcess(code);
}

const listenersNow = () =>
  EMITTERS.flatMap((emitter) =>
    emitter
      .eventNames()
      .flatMap((event) => emitter.rawListeners(event).map((one) => [emitter, event, one])),
  );

const resourcesNow = () => process.getActiveResourcesInfo().filter((name) => name !== 'Immediate');

/** What is still there when all that had to end has had its time. */
async function leftovers(before) {
  for (let look = 0; ; look += 1) {
    const left = resourcesNow();
    for (const name of before) {
      const at = left.indexOf(name);
      if (at !== -1) left.splice(at, 1);
    }
    if (left.length === 0 || look === 100) return left;
    await sleep(20);
  }
}

/** Whether a data directory is locked by this process, which it is for as long as the file is open here. */
function holdsLock() {
  const files = '/proc/self/fd';
  // Where the system does not say which files are open, it may be.
  if (!existsSync(files)) return true;
  return readdirSync(files).some((file) => {
    try {
      return readlinkSync(`${files}/${file}`).endsWith('/postgres.lock');
    } catch {
      // It was the folder itself, and is closed by now.
      return false;
    }
  });
}

/** On both streams, so that what was written before has come by then. */
function say(ending) {
  writeSync(2, `${marker}\n`);
  writeSync(1, `${marker}${JSON.stringify(ending)}\n`);
}
