// How long what is promised "in time" takes: starts and stops, refusals while PostgreSQL is paused, a
// decision on its way to another replica, and minting beside the worst neighbours. Tests assert that these
// things happen and in which order; this measures when.
// Run after `npm run build`: node bench/in-time.mjs
// Prints milliseconds, and where there is one the promise: figures of one run only.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../dist/src/main.js', import.meta.url));
const dataDir = mkdtempSync(join(tmpdir(), 'mandate-bench-'));
const read = (name) => readFileSync(join(dataDir, name), 'utf8').trim();

async function start(env) {
  const started = performance.now();
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      WORKERS: '1',
      DRAIN_SECONDS: '0',
      TRUST_PROXY: '1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += String(chunk)));
  while (!/"ports":\[(\d+)/.test(said)) {
    if (child.exitCode !== null) throw new Error(said);
    await sleep(5);
  }
  const port = Number(/"ports":\[(\d+)/.exec(said)?.[1]);
  return { child, port, url: `http://127.0.0.1:${port}`, took: performance.now() - started };
}

async function stop({ child }) {
  const told = performance.now();
  child.kill('SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
  return performance.now() - told;
}

async function timed(work) {
  const at = performance.now();
  const result = await work();
  return { ms: performance.now() - at, result };
}

const quantile = (times, share) =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN;
const report = (what, ms, promise = '') =>
  console.log(`${what.padEnd(64)} ${ms.toFixed(0).padStart(7)} ms  ${promise}`);

const embedded = { DATA_DIR: dataDir };
let server = await start(embedded);
report('first start, with a database to be made', server.took);
const idle = await Promise.all(
  Array.from({ length: 20 }, async () => {
    const socket = connect(server.port, '127.0.0.1').on('error', () => {});
    socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
    return socket;
  }),
);
report('stop with 20 idle connections', await stop(server), 'a container is given 10,000');
for (const socket of idle) socket.destroy();
server = await start(embedded);
report('later start', server.took);

const demo = JSON.parse(read('demo.json'));
const admin = async (method, path, body) => {
  const response = await fetch(`${server.url}/internal${path}`, {
    method,
    headers: { authorization: `Bearer ${demo.admin_token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
};
const token = (more = {}, at = server, headers = {}) =>
  fetch(`${at.url}/oauth/2/token`, {
    method: 'POST',
    headers,
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: demo.application_id,
      client_secret: demo.client_secret,
      resource: demo.resource,
      scope: demo.scope,
      ...more,
    }),
  });

/** Mandates asked for one after the other, for as long as `going` says so. */
async function minting(going) {
  const times = [];
  let refused = 0;
  while (going()) {
    const { ms, result } = await timed(() => token());
    await result.arrayBuffer();
    times.push(ms);
    if (result.status !== 200) refused += 1;
  }
  return { times, refused };
}

const during = async (ms) => {
  const end = performance.now() + ms;
  return minting(() => performance.now() < end);
};

// A connection that is too slow.
const slow = connect(server.port, '127.0.0.1').on('error', () => {});
slow.write('POST /oauth/2/token HTTP/1.1\r\nHost: x\r\nContent-Le');
const cut = timed(() => once(slow, 'close'));

// What is answered while PostgreSQL is paused.
await (await token()).arrayBuffer();
const postmaster = Number(read('postgres/postmaster.pid').split('\n')[0]);
const family = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  .trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/).map(Number))
  .filter(([pid, parent]) => pid === postmaster || parent === postmaster)
  .map(([pid]) => pid);
for (const pid of family) process.kill(pid, 'SIGSTOP');
try {
  const refusals = await Promise.all(Array.from({ length: 50 }, () => timed(() => token())));
  report(
    'the slowest of 50 refusals while PostgreSQL is paused',
    Math.max(...refusals.map(({ ms }) => ms)),
    'promised: 2,000',
  );
  const ready = await timed(() => fetch(`${server.url}/ready`));
  report('"not ready" while PostgreSQL is paused', ready.ms, 'promised: 2,000');
} finally {
  for (const pid of family) process.kill(pid, 'SIGCONT');
}
const resumed = await timed(async () => {
  while ((await token()).status !== 200) await sleep(20);
});
report('the first mandate after it goes on', resumed.ms);
report('a connection that is too slow is cut after', (await cut).ms, 'promised: 5,000 to 5,500');

// A decision on its way to another replica.
const [, , , pgPort] = read('postgres/postmaster.pid').split('\n');
const password = read('postgres-password');
const second = await start({
  DATABASE_URL: `postgres://mandate:${password}@127.0.0.1:${pgPort}/mandate`,
  KEY_ENCRYPTION_KEY: read('key-encryption-key'),
  ADMIN_TOKEN: demo.admin_token,
});
const zone = `/zones/${demo.zone_id}`;
async function activate(content) {
  const name = `bench ${Math.random()}`;
  const policy = await admin('POST', `${zone}/policies`, { name, content });
  const set = await admin('POST', `${zone}/policy-sets`, { name });
  const version = await admin('POST', `${zone}/policy-sets/${set.body.id}/versions`, {
    policy_version_ids: [policy.body.version.id],
  });
  await admin('PUT', `${zone}/policy`, { policy_set_version_id: version.body.id });
}
const PERMIT = '@id("all") permit (principal, action, resource);';
await activate(`${PERMIT} @id("ask") @step_up("approval") forbid (principal, action, resource)
  when { context has requested_ttl_seconds && context.requested_ttl_seconds < 1000 };`);
const agent = new Agent({ keepAlive: false, maxSockets: Infinity });
const told = [];
for (let round = 0; round < 20; round += 1) {
  const { challenge_id: id } = await (await token({ ttl_seconds: String(60 + round) })).json();
  const waiting = new Promise((resolve) => {
    get(`${second.url}/step-up/${id}?wait=20`, { agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(performance.now()));
    });
  });
  await sleep(100);
  await admin('POST', `${zone}/challenges/${id}/decision`, { decision: 'approved', reason: 'x' });
  const decided = performance.now();
  told.push(Math.max(0, (await waiting) - decided));
}
report('a decision is known on another replica (median of 20)', quantile(told, 0.5));
await stop(second);
await activate(PERMIT);

// Neighbours, each beside minting alone, in turns.
await during(1_000);
async function beside(what, neighbour) {
  const alone = await during(2_000);
  let over = false;
  const busy = neighbour(() => over);
  await sleep(100);
  const together = await during(3_000);
  over = true;
  await busy;
  const [before, after] = [quantile(alone.times, 0.5), quantile(together.times, 0.5)];
  const ratio = `alone ${before.toFixed(1)}, ratio ${(after / before).toFixed(1)}, refused ${together.refused}`;
  report(`median of minting beside ${what}`, after, ratio);
}
await beside('500 who guess secrets', (over) =>
  Promise.all(
    Array.from({ length: 500 }, async (_, n) => {
      const guess = { client_secret: `wrong ${n}` };
      const from = { 'x-forwarded-for': `203.0.113.${n % 250}` };
      while (!over()) await (await token(guess, server, from)).arrayBuffer();
    }),
  ),
);
const ALL = 'permit (principal, action, resource)';
const many = (count, make) => Array.from({ length: count }, (_, n) => make(n));
const input = {
  schema_version: '1',
  principal: { type: 'Application', id: 'app', zone_id: 'zone', labels: [] },
  resource: { type: 'Resource', id: 'r', identifier: 'resource://a', scopes: ['a:read'] },
  action: { id: 'TokenExchange' },
  context: {
    actor_claims: { all: many(3_000, String) },
    requested_scopes: ['a:read'],
    challenge_resolved: false,
  },
};
const worst = {
  policies: many(15, (n) => ({
    id: `m${n}`,
    content: `${ALL} when { [${many(1_900, () => 'context').join()}].contains(2) };`.repeat(3),
  })),
  inputs: many(10, () => input),
};
await beside('the worst simulations', async (over) => {
  while (!over()) await admin('POST', '/policy/simulate', worst);
});

// The longest stall while many policies are compiled.
const stall = async () => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1]) * 1_000;
};
const ids = [];
for (let n = 0; n < 1_000; n += 1) {
  const content = many(4, (i) => `@id("p${n}-${i}") ${ALL} when { principal.id == "${n}" };`).join(
    '',
  );
  const made = await admin('POST', `${zone}/policies`, { name: `many ${n}`, content });
  ids.push(made.body.version?.id);
}
const set = await admin('POST', `${zone}/policy-sets`, { name: 'many' });
await stall();
const compiled = await timed(() =>
  admin('POST', `${zone}/policy-sets/${set.body.id}/versions`, { policy_version_ids: ids }),
);
report(`a set of 4,000 policies is compiled (${compiled.result.status})`, compiled.ms);
report('the longest stall of other requests meanwhile', await stall());

await stop(server);
rmSync(dataDir, { recursive: true, force: true });
agent.destroy();
