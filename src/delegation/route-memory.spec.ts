import { describe, expect, test } from 'vitest';
import type { Agent, DelegationRoute } from './delegation-route.js';
import { RouteMemory, routeLimits, type RouteLimits } from './route-memory.js';

const LIMITS: RouteLimits = { bytesOfZone: 8_000, bytes: 24_000, bytesOfRoute: 4_000, zones: 5 };

function route(id: string, { labels = [], epoch = 1 }: { labels?: string[]; epoch?: number } = {}) {
  const acting: Agent = {
    id,
    clientId: 'c',
    lifecycle: 'task',
    labels,
    path: [id],
    narrowed: false,
    edgeId: null,
    openedIn: ['s', 's'],
    zoneGeneration: 0,
    clientGeneration: 0,
    expiresAt: 10,
    expires: 10.5,
    state: '1 10.5',
    alive: true,
  };
  return { acting, incoming: 0, edges: [], agents: [acting], epoch } satisfies DelegationRoute;
}

function remember(memory: RouteMemory, zone: string, ...ids: string[]): void {
  for (const id of ids) memory.remember(zone, id, null, route(id));
}

const MANY = Array.from({ length: 50 }, (_, at) => `agent ${at}`);

describe('src/delegation/route-memory.ts', () => {
  test('recalls the route that was asked for in the same way, with what it rests on', () => {
    const memory = new RouteMemory(LIMITS);
    remember(memory, 'z', 'a');
    expect(memory.recall('z', 'a', null)).toEqual({
      route: route('a'),
      support: {
        graph: { agents: { a: '1 10.5' }, edges: {} },
        until: 10.5,
        sessions: ['s'],
        clients: ['c'],
      },
    });
    expect(memory.recall('z', 'a', 'e')).toBeUndefined();
    expect(memory.recall('y', 'a', null)).toBeUndefined();
    memory.forget('z', 'a', null);
    expect(memory.recall('z', 'a', null)).toBeUndefined();
    expect(memory.bytes).toBe(0);
  });

  test('a zone with many routes pushes out its own only', () => {
    const memory = new RouteMemory(LIMITS);
    remember(memory, 'small', 'a');
    remember(memory, 'large', ...MANY);
    expect(memory.recall('small', 'a', null)).toBeDefined();
    expect(memory.recall('large', 'agent 49', null)).toBeDefined();
    expect(memory.recall('large', 'agent 0', null)).toBeUndefined();
    expect(memory.bytes).toBeLessThanOrEqual(LIMITS.bytesOfZone + 4_000);
  });

  test('keeps within its bytes and its zones, and forgets the zone that was asked longest ago', () => {
    const memory = new RouteMemory(LIMITS);
    for (const zone of ['1', '2', '3', '4']) {
      remember(memory, zone, ...MANY);
      memory.recall('1', 'agent 49', null);
      expect(memory.bytes).toBeLessThanOrEqual(LIMITS.bytes);
    }
    expect(memory.recall('1', 'agent 49', null)).toBeDefined();
    expect(memory.recall('2', 'agent 49', null)).toBeUndefined();
    for (const zone of MANY) remember(memory, zone, 'a');
    expect(MANY.filter((zone) => memory.recall(zone, 'a', null))).toHaveLength(LIMITS.zones);
  });

  test('does not keep a route that is too large', () => {
    const memory = new RouteMemory(LIMITS);
    memory.remember('z', 'a', null, route('a', { labels: MANY.map((label) => label.repeat(10)) }));
    expect(memory.recall('z', 'a', null)).toBeUndefined();
    expect(memory.bytes).toBe(0);
  });

  test('what is recalled cannot be changed by who recalls it', () => {
    const memory = new RouteMemory(LIMITS);
    remember(memory, 'z', 'a');
    const known = memory.recall('z', 'a', null);
    expect(() => Object.assign(known?.route.acting ?? {}, { clientId: 'x' })).toThrow(TypeError);
    expect(() => Object.assign(known?.support.graph ?? {}, { agents: {} })).toThrow(TypeError);
  });

  test('expects an epoch to stay that has not moved for a quarter of a second', () => {
    const memory = new RouteMemory(LIMITS);
    expect(memory.calmEpoch('z', 0)).toBeNull();
    memory.remember('z', 'a', null, route('a', { epoch: 7 }));
    memory.see('z', 7, 1_000);
    expect(memory.calmEpoch('z', 1_000)).toBe(7);
    memory.see('z', 8, 2_000);
    memory.see('z', 8, 2_100);
    expect(memory.calmEpoch('z', 2_249)).toBeNull();
    expect(memory.calmEpoch('z', 2_250)).toBe(8);
    // Put back by hand.
    memory.see('z', 3, 3_000);
    expect(memory.calmEpoch('z', 3_249)).toBeNull();
    expect(memory.calmEpoch('z', 3_250)).toBe(3);
  });

  test('several workers have the memory of one together, and each has room for a zone', () => {
    const { bytes, bytesOfZone } = routeLimits(1);
    expect(routeLimits(4)).toEqual({ ...routeLimits(1), bytes: bytes / 4 });
    expect(routeLimits(1_000).bytes).toBe(bytesOfZone);
  });
});
