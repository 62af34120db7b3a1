import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { agencyClaims } from '../token-exchange/describe/agency-claims.js';
import type { Agent, Edge } from './delegation-route.js';
import { verifyDelegationChain } from './verify-chain.js';

function id(kind: number, at: number): string {
  return `${String(kind).padStart(8, '0')}-0000-7000-8000-${String(at).padStart(12, '0')}`;
}

type Claims = Record<string, unknown>;

/**
 * Claims as they are minted for a chain: every hop goes through so many sessions below its target. And all sessions on the
 * way, which the version before listed as the path.
 */
function minted(below: readonly number[], last = 0): { claims: Claims; sessions: string[] } {
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
    zoneGeneration: 0,
    clientGeneration: 0,
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
  return { claims: structuredClone({ ...claims }), sessions: [...way, ...path.slice(1)] };
}

const claimsFor = (below: readonly number[], last = 0): Claims => minted(below, last).claims;

/** The same as the version before minted it: the path lists sessions, and stations name what they received. */
function olderFor(below: readonly number[], last = 0): Claims {
  const { claims, sessions } = minted(below, last);
  const edges = claims['delegation_path'] as string[];
  const chain = claims['delegation_chain'] as Claims[];
  return {
    ...claims,
    delegation_path: sessions,
    delegation_chain: chain.map((station, at) =>
      at === 0 ? station : { ...station, delegation_edge_id: edges[at - 1] },
    ),
  };
}

const FORMS = [
  ['as they are minted', claimsFor],
  ['as the version before minted them', olderFor],
] as const;

const hops = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 10 });

describe.each(FORMS)('the claims of a delegation, %s,', (_form, make) => {
  test('are found true', () => {
    fc.assert(
      fc.property(hops, fc.integer({ min: 0, max: 3 }), (below, last) => {
        const chain = verifyDelegationChain(make(below, last));
        expect(chain).toMatchObject({ valid: true, hopCount: below.length });
      }),
    );
  });

  test('name the stations in order, and what each received', () => {
    expect(verifyDelegationChain(make([0]))).toEqual({
      valid: true,
      hopCount: 1,
      stations: [
        { applicationId: id(3, 0), agentSessionId: id(1, 0), delegationEdgeId: null },
        { applicationId: id(3, 1), agentSessionId: id(1, 1), delegationEdgeId: id(2, 0) },
      ],
    });
    fc.assert(
      fc.property(hops, (below) => {
        expect(verifyDelegationChain(make(below))).toEqual(verifyDelegationChain(claimsFor(below)));
      }),
    );
  });

  test('are refused if any one is missing, of another type, or has lost or swapped a member', () => {
    fc.assert(
      fc.property(hops, fc.nat(), fc.nat(), (below, which, at) => {
        const claims = make(below);
        const name = Object.keys(claims)[which % Object.keys(claims).length] ?? '';
        const value = claims[name];
        const valid = (changes: Claims) => verifyDelegationChain({ ...claims, ...changes }).valid;
        const { [name]: _left, ...without } = claims;
        expect(verifyDelegationChain(without).valid).toBe(false);
        expect(valid({ [name]: { not: 'this' } })).toBe(false);
        if (typeof value === 'string') {
          // Who delegates and who acts may be below a station, which only a path of sessions says.
          const free = make === claimsFor && /^(source|agent)_session_id$/.test(name);
          expect(valid({ [name]: id(9, at) })).toBe(free);
          expect(valid({ [name]: 'x' })).toBe(false);
        }
        if (Array.isArray(value)) {
          const fewer = value.toSpliced(at % value.length, 1);
          // Sessions between a target and the next source are on the path, and no station.
          const said = JSON.stringify([claims['delegation_chain'], claims['source_session_id']]);
          const silent =
            make === olderFor &&
            name === 'delegation_path' &&
            !said.includes(String(value[at % value.length]));
          if (!silent) expect(valid({ [name]: fewer })).toBe(false);
          if (value.length > 1) expect(valid({ [name]: value.toReversed() })).toBe(false);
          expect(valid({ [name]: [...value, value[0]] })).toBe(false);
          expect(valid({ [name]: [...value, id(9, at)] })).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('are refused with another hop count', () => {
    fc.assert(
      fc.property(hops, fc.integer({ min: -1, max: 12 }), (below, count) => {
        fc.pre(count !== below.length);
        expect(verifyDelegationChain({ ...make(below), hop_count: count }).valid).toBe(false);
      }),
    );
  });

  test('are refused beyond ten hops', () => {
    expect(verifyDelegationChain(make(Array.from({ length: 11 }, () => 0))).valid).toBe(false);
  });
});

test('claims without a delegation have no station', () => {
  expect(verifyDelegationChain({ sub: 'x' })).toEqual({ valid: true, stations: [], hopCount: 0 });
  expect(verifyDelegationChain({ agent_session_id: id(1, 1) }).valid).toBe(true);
  expect(verifyDelegationChain({ agent_session_id: 1 }).valid).toBe(false);
});

test('no id stands twice in the path, the chain and the actors', () => {
  fc.assert(
    fc.property(hops, (below) => {
      const claims = claimsFor(below);
      const edges = claims['delegation_path'] as string[];
      expect(edges).toEqual(below.map((_, at) => id(2, at)));
      const chain = JSON.stringify(claims['delegation_chain']);
      expect(edges.filter((edge) => chain.includes(edge))).toEqual([]);
      expect(chain).not.toContain('delegation_edge_id');
    }),
  );
});

/** The claims of three hops, turned; the hop count is that of the chain. */
function turned(make: typeof claimsFor, turn: (stations: Claims[]) => Claims[], more: Claims = {}) {
  const claims = make([0, 0, 0]);
  const stations = turn(claims['delegation_chain'] as Claims[]);
  const chain = verifyDelegationChain({
    ...claims,
    delegation_chain: stations,
    hop_count: stations.length - 1,
    ...more,
  });
  return chain.valid ? 'valid' : chain.reason;
}

const asTheyAre = (stations: Claims[]): Claims[] => stations;
const received = ([first, ...others]: Claims[]) => [
  { ...first, delegation_edge_id: id(2, 9) },
  ...others,
];

describe('the claims that are minted', () => {
  test('are refused where they contradict each other', () => {
    const path = claimsFor([0, 0, 0])['delegation_path'] as string[];
    const [one = '', two = '', three = ''] = path;
    const reasons = [
      turned(claimsFor, asTheyAre),
      turned(claimsFor, received),
      turned(claimsFor, asTheyAre, { delegation_path: [one, one, three] }),
      turned(claimsFor, asTheyAre, { delegation_path: [two, three] }),
      turned(claimsFor, asTheyAre, { delegation_path: [one, two, three, id(2, 9)] }),
      turned(claimsFor, asTheyAre, { delegation_path: [one, three, two] }),
      turned(claimsFor, ([first, ...others]) => [first ?? {}, first ?? {}, ...others.slice(1)]),
      turned(claimsFor, asTheyAre, { source_session_id: id(1, 0) }),
      turned(claimsFor, asTheyAre, { source_session_id: id(1, 3) }),
      turned(claimsFor, asTheyAre, { agent_session_id: id(1, 1) }),
      turned(claimsFor, asTheyAre, { target_session_id: id(1, 2) }),
      // One station that names what it received makes them claims of the version before, which they are not.
      turned(claimsFor, (stations) =>
        stations.map((each, at) => (at === 3 ? { ...each, delegation_edge_id: three } : each)),
      ),
    ];
    expect(reasons).toEqual([
      'valid',
      'the first issuer received a delegation itself',
      'a delegation is used twice',
      'a station received nothing',
      'the path is longer than the chain',
      'another delegation ends the chain',
      'the chain goes in a circle',
      'the source is elsewhere in the chain',
      'the source is elsewhere in the chain',
      'who acts is elsewhere in the chain',
      'another session ends the chain',
      'a station received nothing',
    ]);
  });
});

describe('claims of the version before', () => {
  test('are refused where they contradict each other', () => {
    const path = olderFor([0, 0, 0])['delegation_path'] as string[];
    const older = (turn: typeof asTheyAre, more?: Claims) => turned(olderFor, turn, more);
    // The third delegation is of a session below the third station.
    const deeper = () => olderFor([0, 1, 0]);
    const reasons = [
      older(asTheyAre),
      older(received),
      older((stations) =>
        stations.map(({ delegation_edge_id: edge, ...station }, at) =>
          at === 0 || at === 1 ? station : { ...station, delegation_edge_id: edge },
        ),
      ),
      older((stations) =>
        stations.map((station, at) =>
          at === 1 ? { ...station, delegation_edge_id: id(2, 2) } : station,
        ),
      ),
      turned(deeper, ([first = {}, second = {}, third = {}, ...rest]) => [
        first,
        third,
        second,
        ...rest,
      ]),
      older((stations) =>
        stations.map((station, at) =>
          at === 1 ? { ...station, agent_session_id: id(1, 77) } : station,
        ),
      ),
      older(asTheyAre, { delegation_path: [...path.slice(0, 2), path[0], ...path.slice(2)] }),
      older(asTheyAre, { delegation_path: [id(1, 99), ...path] }),
      older(asTheyAre, { delegation_path: [...path, id(1, 99)] }),
    ];
    expect(reasons).toEqual([
      'valid',
      'the first issuer received a delegation itself',
      'a station received nothing',
      'a delegation is used twice',
      'the stations are not in the order of the path',
      'a station is not on the path',
      'the path goes in a circle',
      'the path begins elsewhere',
      'the path ends elsewhere',
    ]);
  });
});
