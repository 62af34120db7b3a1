// A process that runs one server after another: the built `main.js`, as `node dist/src/main.js` runs it, with the
// environment that a message brings. It ends a server as a process ends, by its SIGTERM; only the exit itself is
// kept back, for the next one. What would outlive a server there is told, and ends the process in earnest.
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , main, marker] = process.argv;
// Made when they are first looked at, and there until the end.
void [process.stdout, process.stderr];
const { register } = createRequire(main)('prom-client');
const exitProcess = process.exit.bind(process);

/** Timers that a server has set. The end of a process ends them, done or not. */
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

async function run({ env, last }) {
  runs += 1;
  const listeners = listenersNow();
  const resources = resourcesNow();
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
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
  for (const [event, listener] of listenersNow()) {
    if (!listeners.some(([, known]) => known === listener)) process.off(event, listener);
  }
  for (const timer of timers) clearTimeout(timer);
  timers.clear();
  // Those of the process are registered by a module when it is loaded, and count for the process.
  for (const { name } of register.getMetricsAsArray()) {
    if (!/^(process|nodejs)_/.test(name)) register.removeSingleMetric(name);
  }
  const left = await leftovers(resources);
  if (last) left.push('enough');
  say({ code, left });
  if (left.length > 0) exitProcess(code);
}

const listenersNow = () =>
  process.eventNames().flatMap((event) => process.rawListeners(event).map((one) => [event, one]));

const resourcesNow = () => process.getActiveResourcesInfo().filter((name) => name !== 'Immediate');

/** What is still there when all that had to end has had its time. */
async function leftovers(before) {
  for (let look = 0; ; look += 1) {
    const left = resourcesNow();
    for (const name of before) {
      const at = left.indexOf(name);
      if (at !== -1) left.splice(at, 1);
    }
    if (left.length === 0 || look === 20) return left;
    await sleep(10);
  }
}

/** Both streams, so that what was written before has come by then. */
function say(ending) {
  writeSync(2, `\n${marker}\n`);
  writeSync(1, `\n${marker}${JSON.stringify(ending)}\n`);
}
