import type { Frame } from './samples.js';

/** Packages that are one part to readers of the table. */
const PACKAGES: Readonly<Record<string, string>> = {
  '@cedar-policy/cedar-wasm': 'Cedar',
  '@nestjs/common': 'Nest and Express',
  '@nestjs/core': 'Nest and Express',
  '@nestjs/platform-express': 'Nest and Express',
  express: 'Nest and Express',
  router: 'Nest and Express',
  rxjs: 'Nest and Express',
  pg: 'pg',
  'pg-protocol': 'pg',
  'pg-pool': 'pg',
  'prom-client': 'metrics',
  pino: 'log',
  'sonic-boom': 'log',
  'safe-stable-stringify': 'log',
};

/** What Node.js does itself, by the names of its modules. */
const NODE: readonly (readonly [RegExp, string])[] = [
  [/^node:internal\/crypto|^node:crypto/, 'node:crypto'],
  [/^node:(?:_http|internal\/http|http)/, 'node:http'],
  [/^node:(?:net|internal\/stream|internal\/streams|stream|events|_stream)/, 'sockets and streams'],
  [
    /^node:(?:async_hooks|internal\/async|internal\/process\/task|internal\/process\/promises)/,
    'async context, ticks',
  ],
  [/^node:(?:timers|internal\/timers)/, 'timers'],
];

/**
 * The part of the server that a sample is counted for: the file that was at work. Native code has no file, and is
 * counted for who called it.
 */
export function partOf(frame: Frame): string {
  if (frame.name === '(garbage collector)') return 'garbage collection';
  if (frame.url === '') return frame.caller === null ? 'V8 and system calls' : partOfNative(frame);
  if (frame.url.startsWith('wasm:')) return 'Cedar';
  const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(frame.url)?.[1];
  if (name !== undefined) return PACKAGES[name] ?? name;
  const room = /\/dist\/src\/([^/]+)\//.exec(frame.url)?.[1];
  if (room !== undefined) return `src/${room}`;
  return NODE.find(([pattern]) => pattern.test(frame.url))?.[1] ?? 'the rest of Node.js';
}

function partOfNative({ caller }: Frame): string {
  return caller === null || caller.name === '(root)' ? 'V8 and system calls' : partOf(caller);
}
