// What a decision costs, by how many policies there are; at most ten concern the request.
// Run after `npm run build`: node bench/policy.mjs [rounds]
// Prints microseconds and decisions per second: figures of one run, all sizes taking turns in it.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { stopBackground } from '../dist/src/policy/background/background.js';
import { compileInBackground } from '../dist/src/policy/background/compile-in-background.js';
import { DecisionMemory, memoryLimits } from '../dist/src/policy/decision-memory.js';
import { evaluate, release, warm } from '../dist/src/policy/engine/evaluate.js';
import { inquire } from '../dist/src/policy/engine/inquiry.js';

const rounds = Number(process.argv[2] ?? 40);
const DECISIONS_PER_ROUND = 100;
const SIZES = [1, 10, 100, 1_000, 10_000];

const request = {
  schema_version: '1',
  principal: {
    type: 'Application',
    id: 'app',
    zone_id: 'zone',
    registration_method: 'admin',
    labels: ['blue'],
  },
  resource: {
    type: 'Resource',
    id: 'r',
    identifier: 'https://api.example.com',
    scopes: ['read', 'write'],
  },
  action: { id: 'TokenExchange' },
  context: {
    actor_claims: { client_id: 'app', act: { sub: 'app', sub_type: 'application' } },
    subject_claims: {
      sub: 'user-1',
      sub_type: 'user',
      client_id: 'app',
      use: 'session',
      scope: 'read write',
      target: ['https://api.example.com'],
      sid: 's',
      root_sid: 's',
      iat: 1_700_000_000,
      exp: 1_700_000_900,
    },
    requested_scopes: ['read'],
    challenge_resolved: false,
  },
};

const mine = 'principal == Application::"app"';
const api = 'resource == Resource::"https://api.example.com"';
const CONCERNED = [
  [mine, api],
  [mine, 'resource'],
  ['principal', api],
  ['principal', 'resource'],
];

/** The first ten concern the request, in all four ways to; the others are about others. */
function policy(n) {
  const [principal, resource] =
    n < 10
      ? CONCERNED[n % 4]
      : [`principal == Application::"app-${n % 500}"`, `resource == Resource::"https://${n % 50}"`];
  return {
    id: `p${n}`,
    content: `@id("p${n}") @reason("number ${n}")
permit(${principal}, action == Action::"TokenExchange", ${resource})
when { resource.scopes.containsAll(context.requested_scopes) && principal.zone_id == "zone" };`,
  };
}

function microseconds(count, job) {
  const startedAt = performance.now();
  for (let n = 0; n < count; n += 1) job();
  return ((performance.now() - startedAt) / count) * 1_000;
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

const sets = [];
for (const size of SIZES) {
  const modules = Array.from({ length: size }, (_, n) => policy(n));
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const startedAt = performance.now();
  const set = await compileInBackground(modules);
  await warm(set);
  const compileMs = performance.now() - startedAt;
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  sets.push({ size, set, compileMs, stallMs: delay.max / 1e6, hot: [], cold: [], recalled: [] });
}

const decide = (set) => {
  if (evaluate(set, request).decision !== 'allow') throw new Error('the request is permitted');
};
const memory = new DecisionMemory(memoryLimits(1));
const recall = (set, zone) => {
  const key = inquire(set, [request])[0].key();
  if (memory.recall(zone, set, key)?.decision !== 'allow') throw new Error('it is remembered');
};
for (const { size, set } of sets) {
  microseconds(500, () => decide(set));
  memory.remember(`${size}`, set, inquire(set, [request])[0].key(), evaluate(set, request));
  microseconds(500, () => recall(set, `${size}`));
}
for (let round = 0; round < rounds; round += 1) {
  for (const { size, set, hot, cold, recalled } of sets) {
    release(set);
    cold.push(microseconds(1, () => decide(set)));
    hot.push(microseconds(DECISIONS_PER_ROUND, () => decide(set)));
    recalled.push(microseconds(DECISIONS_PER_ROUND, () => recall(set, `${size}`)));
  }
}

console.log('policies  hot µs  decisions/s  remembered µs  cold µs  compile ms  longest stall ms');
for (const { size, hot, cold, recalled, compileMs, stallMs } of sets) {
  const columns = [
    String(size).padStart(8),
    median(hot).toFixed(0).padStart(7),
    (1e6 / median(hot)).toFixed(0).padStart(12),
    median(recalled).toFixed(1).padStart(14),
    median(cold).toFixed(0).padStart(8),
    compileMs.toFixed(0).padStart(11),
    stallMs.toFixed(0).padStart(17),
  ];
  console.log(columns.join(' '));
}
const hotOf = (size) => median(sets.find((each) => each.size === size)?.hot ?? []);
console.log(`10,000 : 10 policies, hot: ${(hotOf(10_000) / hotOf(10)).toFixed(2)} (at most 1.5)`);
await stopBackground();
