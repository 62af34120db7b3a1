import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { agencyClaims } from '../token-exchange/describe/agency-claims.js';
import type { Agent, Edge } from './delegation-route.js';
import { verifyDelegationChain } from './verify-chain.js';

function id(kind: number, at: number): string {
  return `${String(kind).padStart(8, '0')}-0000-7000-8000-${String(at).padStart(12, '0')}`;
}

/** Claims as they are minted for a chain: every hop goes through so many sessions below its target. */
function claimsFor(below: readonly number[], last = 0): Record<string, unknown> {
  let sessions = 0;
  const next = (): string => id(1, sessions++);
  const edges: Edge[] = [];
  let way = [next()];
  for (const [at, between] of below.entries()) {
    const sourceId = way.at(-1) ?? '';
    const targetId = next();
    way = [...way, targetId];
    edges.push({
      id: id(2, at),
      parentId: edges.at(-1)?.id ?? null,
      sourceId,
      targetId,
      issuerClientId: id(3, at),
      receiverClientId: id(3, at + 1),
      edgePath: [...edges.map((edge) => edge.id), id(2, at)],
      path: way,
      sessions: way,
      hopCount: at + 1,
      scopes: [],
      resource: null,
      constraints: { resources: [], max_hops: 10, policy_approved: false },
      remaining: null,
      expiresAt: 0,
      expires: 0,
      createdAt: 0,
      version: '1',
      accepted: true,
      alive: true,
    });
    if (at < below.length - 1) way = [...way, ...Array.from({ length: between }, next)];
  }
  const edge = edges.at(-1) ?? null;
  const path = [way.at(-1) ?? '', ...Array.from({ length: last }, next)];
  const acting: Agent = {
    id: path.at(-1) ?? '',
    clientId: id(3, 0),
    lifecycle: 'task',
    labels: [],
    path,
    narrowed: edge !== null,
    edgeId: null,
    openedIn: [],
    state: '1 0',
    expiresAt: 0,
    expires: 0,
    alive: true,
  };
  const claims = agencyClaims({
    acting,
    labels: [],
    edge,
    edges,
    endsAt: 0,
    epoch: 7,
    support: null,
  });
  return structuredClone({ ...claims });
}

const hops = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 10 });

describe('the claims of a delegation', () => {
  test('that we mint are found true', () => {
    fc.assert(
      fc.property(hops, fc.integer({ min: 0, max: 3 }), (below, last) => {
        const chain = verifyDelegationChain(claimsFor(below, last));
        expect(chain).toMatchObject({ valid: true, hopCount: below.length });
      }),
    );
  });

  test('name the stations in order', () => {
    expect(verifyDelegationChain(claimsFor([0]))).toEqual({
      valid: true,
      hopCount: 1,
      stations: [
        { applicationId: id(3, 0), agentSessionId: id(1, 0), delegationEdgeId: null },
        { applicationId: id(3, 1), agentSessionId: id(1, 1), delegationEdgeId: id(2, 0) },
      ],
    });
  });

  test('are absent without a delegation', () => {
    expect(verifyDelegationChain({ sub: 'x' })).toEqual({ valid: true, stations: [], hopCount: 0 });
    expect(verifyDelegationChain({ agent_session_id: id(1, 1) }).valid).toBe(true);
    expect(verifyDelegationChain({ agent_session_id: 1 }).valid).toBe(false);
  });

  test('are refused if any one is missing, of another type, or has lost or swapped a member', () => {
    fc.assert(
      fc.property(hops, fc.nat(), fc.nat(), (below, which, at) => {
        const claims = claimsFor(below);
        const name = Object.keys(claims)[which % Object.keys(claims).length] ?? '';
        const value = claims[name];
        const { [name]: _left, ...without } = claims;
        expect(verifyDelegationChain(without).valid).toBe(false);
        expect(verifyDelegationChain({ ...claims, [name]: { not: 'this' } }).valid).toBe(false);
        if (typeof value === 'string') {
          expect(verifyDelegationChain({ ...claims, [name]: id(9, at) }).valid).toBe(false);
        }
        if (Array.isArray(value)) {
          const fewer = value.toSpliced(at % value.length, 1);
          // Sessions between a target and the next source are on the path, and no station.
          const said = JSON.stringify([claims['delegation_chain'], claims['source_session_id']]);
          const silent =
            name === 'delegation_path' && !said.includes(String(value[at % value.length]));
          if (!silent)
            expect(verifyDelegationChain({ ...claims, [name]: fewer }).valid).toBe(false);
          expect(verifyDelegationChain({ ...claims, [name]: value.toReversed() }).valid).toBe(
            false,
          );
          expect(verifyDelegationChain({ ...claims, [name]: [...value, value[0]] }).valid).toBe(
            false,
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  test('are refused with another hop count', () => {
    fc.assert(
      fc.property(hops, fc.integer({ min: -1, max: 12 }), (below, count) => {
        fc.pre(count !== below.length);
        expect(verifyDelegationChain({ ...claimsFor(below), hop_count: count }).valid).toBe(false);
      }),
    );
  });

  /** Stations of a chain of three hops, turned; the rest of the claims stays true. */
  const turned = (
    turn: (stations: Record<string, unknown>[]) => Record<string, unknown>[],
    more: Record<string, unknown> = {},
  ) => {
    const claims = claimsFor([0, 0, 0]);
    const stations = turn(claims['delegation_chain'] as Record<string, unknown>[]);
    return verifyDelegationChain({
      ...claims,
      delegation_chain: stations,
      hop_count: stations.length - 1,
      ...more,
    });
  };
  const reason = (chain: ReturnType<typeof verifyDelegationChain>) =>
    chain.valid ? 'valid' : chain.reason;

  test('are true as they are', () => {
    expect(reason(turned((stations) => stations))).toBe('valid');
  });

  test('are refused where the first issuer received something, or a later station nothing', () => {
    const received = turned(([first, ...others]) => [
      { ...first, delegation_edge_id: id(2, 9) },
      ...others,
    ]);
    expect(reason(received)).toBe('the first issuer received a delegation itself');
    const nothing = turned((stations) =>
      stations.map(({ delegation_edge_id: edge, ...station }, at) =>
        at === 0 || at === 1 ? station : { ...station, delegation_edge_id: edge },
      ),
    );
    expect(reason(nothing)).toBe('a station received nothing');
  });

  test('are refused where a delegation is used twice', () => {
    const twice = turned((stations) =>
      stations.map((station, at) =>
        at === 1 ? { ...station, delegation_edge_id: id(2, 2) } : station,
      ),
    );
    expect(reason(twice)).toBe('a delegation is used twice');
  });

  test('are refused where the stations are in another order than the path, or not on it', () => {
    const swapped = turned(([first, second, third, ...rest]) => [
      first ?? {},
      third ?? {},
      second ?? {},
      ...rest,
    ]);
    expect(reason(swapped)).toBe('the stations are not in the order of the path');
    const elsewhere = turned((stations) =>
      stations.map((station, at) =>
        at === 1 ? { ...station, agent_session_id: id(1, 77) } : station,
      ),
    );
    expect(reason(elsewhere)).toBe('a station is not on the path');
  });

  test('are refused where the path comes back to where it was, or begins before the first issuer', () => {
    const path = claimsFor([0, 0, 0])['delegation_path'] as string[];
    const round = [...path.slice(0, 2), path[0], ...path.slice(2)];
    expect(reason(turned((stations) => stations, { delegation_path: round }))).toBe(
      'the path goes in a circle',
    );
    const before = [id(1, 99), ...path];
    expect(reason(turned((stations) => stations, { delegation_path: before }))).toBe(
      'the path begins elsewhere',
    );
  });

  test('are refused beyond ten hops', () => {
    expect(verifyDelegationChain(claimsFor(Array.from({ length: 11 }, () => 0))).valid).toBe(false);
  });
});
