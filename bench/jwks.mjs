// How many key sets a second one core serves, and what minting then costs.
// Run after `npm run build`: node bench/jwks.mjs [seconds] [key sets a second]
// The server's process is kept on one core with taskset, if there is that; load and PostgreSQL are on the
// others. Prints the highest rate, and milliseconds for minting alone and beside that many key sets a
// second, in turns, so that whatever else the machine does concerns both: figures of one run only.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const seconds = Number(process.argv[2] ?? 4);
const wantedRate = Number(process.argv[3] ?? 5_000);
const ROUNDS = 3;
const MINTING_RATE = 200;
const dataDir = mkdtempSync(join(tmpdir(), 'mandate-bench-'));
const main = fileURLToPath(new URL('../dist/src/main.js', import.meta.url));
const server = spawn(process.execPath, [main], {
  env: { PATH: process.env.PATH, DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'info' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
let port;
for await (const chunk of server.stdout) {
  port = /"ports":\[(\d+)/.exec(String(chunk))?.[1];
  if (port !== undefined) break;
}
server.stdout.resume();
pin(server.pid, 0);
pin(process.pid, 1);

function pin(pid, core) {
  try {
    execFileSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    console.log('taskset does not work here: the figures are not those of one core');
  }
}

const demo = JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8'));
const agent = new Agent({ keepAlive: true });

function mint() {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: demo.application_id,
    client_secret: demo.client_secret,
    resource: demo.resource,
    scope: demo.scope,
  }).toString();
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const path = '/oauth/2/token';
    const sent = request({ port, method: 'POST', path, agent, headers }, (response) => {
      response.resume();
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`)),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** One connection that asks for the key set again and again, with as little effort as possible. */
class Asker {
  constructor() {
    this.socket = connect(Number(port), '127.0.0.1');
    this.socket.setNoDelay(true);
    this.rest = '';
    this.received = 0;
    this.socket.on('data', (chunk) => this.read(chunk));
    this.socket.on('error', (error) => this.failed?.(error));
  }

  ask() {
    return new Promise((resolve, reject) => {
      this.done = resolve;
      this.failed = reject;
      this.socket.write(
        `GET /.well-known/jwks.json?zone_id=${demo.zone_id} HTTP/1.1\r\nHost: bench\r\n\r\n`,
      );
    });
  }

  /** Answers are all of one length, so that only the first has to be looked at. */
  read(chunk) {
    this.rest += this.length === undefined ? chunk.toString('latin1') : '';
    this.received += chunk.length;
    if (this.length === undefined) {
      const end = this.rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!this.rest.startsWith('HTTP/1.1 200')) this.failed(new Error('not a key set'));
      this.length = end + 4 + Number(/content-length: (\d+)/i.exec(this.rest)?.[1]);
    }
    if (this.received < this.length) return;
    this.received -= this.length;
    this.done();
  }
}

/** Asks for key sets until the time is over: at most so many a second, each due at its moment. */
async function askFor(askers, ms, rate) {
  const started = performance.now();
  const underWay = new Set();
  const idle = [...askers];
  let count = 0;
  for (;;) {
    const passed = performance.now() - started;
    if (passed >= ms) break;
    const due = (passed / 1_000) * rate;
    while (count < due && idle.length > 0) {
      const asker = idle.pop();
      count += 1;
      const asked = (async () => {
        await asker.ask();
        idle.push(asker);
        underWay.delete(asked);
      })();
      underWay.add(asked);
    }
    if (idle.length === 0) await Promise.race(underWay);
    else await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(underWay);
  return count / ((performance.now() - started) / 1_000);
}

/** Mints at a steady pace, whatever the answers take, so that waiting is not hidden. */
async function mintFor(ms) {
  const times = [];
  const started = performance.now();
  const asked = [];
  for (let i = 0; i < (ms / 1_000) * MINTING_RATE; i += 1) {
    const due = started + (i * 1_000) / MINTING_RATE;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const at = performance.now();
    asked.push(mint().then(() => times.push(performance.now() - at)));
  }
  await Promise.all(asked);
  return times;
}

function describe(name, times) {
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(times.length * share)] ?? 0;
  console.log(`${name.padEnd(36)} p50 ${at(0.5).toFixed(2)} ms  p99 ${at(0.99).toFixed(2)} ms`);
  return at(0.99);
}

try {
  const askers = Array.from({ length: 32 }, () => new Asker());
  await askFor(askers, 1_000, Infinity);
  await mintFor(1_000);
  const highest = await askFor(askers, seconds * 1_000, Infinity);
  console.log(`key sets, as many as go: ${highest.toFixed(0)}/s`);
  const alone = [];
  const beside = [];
  let rate = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    alone.push(...(await mintFor(seconds * 1_000)));
    const [reached, times] = await Promise.all([
      askFor(askers, seconds * 1_000, wantedRate),
      mintFor(seconds * 1_000),
    ]);
    rate += reached / ROUNDS;
    beside.push(...times);
  }
  const before = describe(`minting ${MINTING_RATE}/s alone`, alone);
  const after = describe(`minting beside ${rate.toFixed(0)} key sets/s`, beside);
  console.log(`  p99 beside key sets, of that alone: ${(after / before).toFixed(2)}`);
  for (const { socket } of askers) socket.destroy();
} finally {
  server.kill('SIGTERM');
  await once(server, 'exit');
  rmSync(dataDir, { recursive: true, force: true });
  agent.destroy();
}
