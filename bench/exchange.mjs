// How fast mandates are issued, beside what the same machine does for a request that does nothing.
// Run after `npm run build`: node bench/exchange.mjs [seconds]
// Prints requests per second and milliseconds, and the ratio to the floor: figures of one run only.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const seconds = Number(process.argv[2] ?? 5);
const dataDir = mkdtempSync(join(tmpdir(), 'mandate-bench-'));
const main = fileURLToPath(new URL('../dist/src/main.js', import.meta.url));
const server = spawn(process.execPath, [main], {
  env: {
    PATH: process.env.PATH,
    DATA_DIR: dataDir,
    PORT: '0',
    LOG_LEVEL: 'info',
    DRAIN_SECONDS: '0',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
let port;
for await (const chunk of server.stdout) {
  port = /"ports":\[(\d+)/.exec(String(chunk))?.[1];
  if (port !== undefined) break;
}
server.stdout.resume();

const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const demo = JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8'));

function send(method, path, form) {
  return new Promise((resolve, reject) => {
    const body = form && new URLSearchParams(form).toString();
    const headers = body ? { 'content-type': 'application/x-www-form-urlencoded' } : {};
    const sent = request({ host: '127.0.0.1', port, method, path, agent, headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(text)
          : reject(new Error(`${response.statusCode} ${text}`)),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function measure(name, concurrency, job) {
  const times = [];
  const end = performance.now() + seconds * 1_000;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() < end) {
        const at = performance.now();
        await job();
        times.push(performance.now() - at);
      }
    }),
  );
  const elapsed = (performance.now() - started) / 1_000;
  times.sort((a, b) => a - b);
  const at = (share) => (times[Math.floor(times.length * share)] ?? 0).toFixed(2);
  const rate = times.length / elapsed;
  console.log(
    `${name.padEnd(34)} x${String(concurrency).padEnd(3)} ${rate.toFixed(0).padStart(6)}/s  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms`,
  );
  return rate;
}

const client = { client_id: demo.application_id, client_secret: demo.client_secret };
const wanted = { resource: demo.resource, scope: demo.scope };
const sessionForm = { grant_type: 'client_credentials', ...client, ...wanted };
const { access_token } = JSON.parse(await send('POST', '/oauth/2/token', sessionForm));
const exchangeForm = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token: access_token,
  subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  ...client,
  ...wanted,
};

try {
  for (const concurrency of [1, 32, 128]) {
    const floor = await measure('nothing (GET /health)', concurrency, () => send('GET', '/health'));
    const session = await measure('session mandate', concurrency, () =>
      send('POST', '/oauth/2/token', sessionForm),
    );
    const resource = await measure('resource mandate', concurrency, () =>
      send('POST', '/oauth/2/token', exchangeForm),
    );
    console.log(
      `  of the floor: session ${(session / floor).toFixed(2)}, resource ${(resource / floor).toFixed(2)}`,
    );
  }
} finally {
  server.kill('SIGTERM');
  await once(server, 'exit');
  rmSync(dataDir, { recursive: true, force: true });
  agent.destroy();
}
