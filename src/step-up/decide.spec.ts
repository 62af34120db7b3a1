import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  objectionTo,
  type Circumstances,
  type Decidable,
  type DecisionInput,
  type Objection,
} from './decide.js';
import type { Decider } from './decider.js';
import { DECISION_METHODS } from './decision-methods.js';

const NOW = 1_000_000;
const BINDING = Buffer.alloc(32, 7);
const IDP = 'https://idp';
const OURS = 'https://mandate';
const ISSUERS = { issuer: OURS, formerIssuer: 'https://mandate/before' };

const clients = fc.constantFrom('a', 'b', 'c', 'd');
const issuers = fc.constantFrom(null, IDP);
const terms = fc.record(
  {
    lifetime_seconds: fc.constant(300),
    satisfied_by: fc.subarray([...DECISION_METHODS]),
    quorum: fc.constant(1),
    requester_may_satisfy: fc.boolean(),
    subject_may_satisfy: fc.boolean(),
    subject_must_satisfy: fc.boolean(),
    acr: fc.constant('x'),
    reuse_seconds: fc.constant(0),
  },
  {
    requiredKeys: [
      'lifetime_seconds',
      'satisfied_by',
      'quorum',
      'requester_may_satisfy',
      'subject_may_satisfy',
      'acr',
      'reuse_seconds',
    ],
  },
);
const challenges: fc.Arbitrary<Decidable> = fc.record({
  type: fc.constantFrom('mfa', 'approval'),
  binding: fc.constant(BINDING),
  clientId: clients,
  subject: fc.constantFrom('a', 'b', 'alice'),
  subjectIssuer: issuers,
  subjectType: fc.constantFrom('user' as const, 'application' as const),
  involvedClientIds: fc.array(clients),
  terms,
  quorum: fc.integer({ min: 1, max: 3 }),
  decision: fc.constantFrom(null, 'approved' as const, 'rejected' as const),
  consumedAt: fc.constant(null),
  expiresAt: fc.constantFrom(new Date(NOW - 1), new Date(NOW), new Date(NOW + 1)),
});
const deciders: fc.Arbitrary<Decider> = fc.oneof(
  fc.record({ kind: fc.constant('operator' as const), name: fc.constant('admin key') }),
  fc.record({ kind: fc.constant('client' as const), clientId: clients }),
  fc.record({
    kind: fc.constant('subject' as const),
    person: fc.record({ sub: fc.constantFrom('a', 'b', 'alice'), issuer: issuers }),
  }),
  fc.record({
    kind: fc.constant('proof_system' as const),
    systemId: fc.constant('s'),
    by: fc.record(
      {
        sub: fc.constantFrom('a', 'alice', 'ALICE', 'bob', 'ｂob'),
        iss: fc.constantFrom(IDP, OURS, 'https://other'),
      },
      { requiredKeys: ['sub'] },
    ),
  }),
);
const inputs: fc.Arbitrary<DecisionInput> = fc.record(
  {
    method: fc.constantFrom(...DECISION_METHODS),
    decision: fc.constantFrom('approved' as const, 'rejected' as const),
    reason: fc.constant('x'),
    decider: deciders,
    amr: fc.constant([]),
    binding: fc.constantFrom('07'.repeat(32), '08'.repeat(32), '07', ''),
  },
  { requiredKeys: ['method', 'decision', 'reason', 'decider', 'amr'] },
);
const circumstances: fc.Arbitrary<Circumstances> = fc.record({
  now: fc.constant(NOW),
  ours: fc.constant(ISSUERS),
  isTrusted: fc.boolean(),
  earlier: fc.array(
    fc.record({
      decision: fc.constant('approved' as const),
      person: fc.option(
        fc.record({ sub: fc.constantFrom('alice', 'bob', 'carol', 'c'), issuer: issuers }),
      ),
    }),
    { maxLength: 3 },
  ),
});

/** Whatever may be decided, by whatever rule. */
const whenever = (
  law: (
    challenge: Decidable,
    input: DecisionInput,
    objection: Objection | null,
    around: Circumstances,
  ) => void,
): void =>
  fc.assert(
    fc.property(challenges, inputs, circumstances, (challenge, input, around) =>
      law(challenge, input, objectionTo(challenge, input, around), around),
    ),
    { numRuns: 5_000 },
  );

describe('who may decide', () => {
  test('nobody on what is settled or has expired', () => {
    whenever((challenge, _input, objection) => {
      const open = challenge.decision === null && challenge.expiresAt.getTime() > NOW;
      if (!open) expect(objection).not.toBeNull();
    });
  });

  test('nobody in the chain that asks, whatever the type says', () => {
    whenever((challenge, { decider }, objection) => {
      if (decider.kind !== 'client') return;
      if (challenge.involvedClientIds.includes(decider.clientId)) expect(objection).not.toBeNull();
    });
  });

  test('not whoever asks, nor whom it speaks for, unless the type says so', () => {
    whenever((challenge, { decider }, objection) => {
      const { terms: agreed, subject, subjectIssuer, clientId } = challenge;
      if (decider.kind === 'client' && decider.clientId === clientId) {
        if (!agreed.requester_may_satisfy) expect(objection).not.toBeNull();
      }
      if (decider.kind !== 'proof_system' || agreed.subject_may_satisfy) return;
      const { sub, iss } = decider.by;
      const issuer = iss === OURS ? null : (iss ?? null);
      if (sub === subject && issuer === subjectIssuer) expect(objection).not.toBeNull();
      // Nor by another spelling, nor by leaving out whose name it is.
      if (sub.toLowerCase() === subject && iss === undefined) expect(objection).not.toBeNull();
    });
  });

  test('only in a way that the type is satisfied in, and on what was seen', () => {
    whenever((challenge, { method, binding }, objection) => {
      if (!challenge.terms.satisfied_by.includes(method)) expect(objection).not.toBeNull();
      if (binding !== undefined && binding !== '07'.repeat(32)) expect(objection).not.toBeNull();
    });
  });

  test('no name that may be of anyone, and none of an issuer that the zone does not trust', () => {
    whenever((challenge, { decider }, objection, { isTrusted }) => {
      if (!isTrusted) expect(objection).not.toBeNull();
      if (decider.kind !== 'proof_system' || decider.by.iss !== undefined) return;
      if (challenge.subjectIssuer !== null) expect(objection).not.toBeNull();
    });
  });

  test('no one but the subject, where only its approval is missing', () => {
    whenever((challenge, { decider }, objection, { earlier }) => {
      if (challenge.terms.subject_must_satisfy !== true) return;
      const others = earlier.filter(
        ({ person }) =>
          person?.sub !== challenge.subject || person.issuer !== challenge.subjectIssuer,
      );
      if (others.length < challenge.quorum - 1) return;
      if (decider.kind === 'operator' || decider.kind === 'client') {
        expect(objection).not.toBeNull();
      }
    });
  });

  test('everyone else', () => {
    const challenge: Decidable = {
      type: 'approval',
      binding: BINDING,
      clientId: 'a',
      subject: 'a',
      subjectIssuer: null,
      subjectType: 'application',
      involvedClientIds: ['b'],
      quorum: 1,
      terms: {
        lifetime_seconds: 300,
        satisfied_by: ['approver', 'proof_system', 'totp'],
        quorum: 1,
        requester_may_satisfy: false,
        subject_may_satisfy: false,
        acr: 'x',
        reuse_seconds: 0,
      },
      decision: null,
      consumedAt: null,
      expiresAt: new Date(NOW + 1),
    };
    const by = (
      decider: Decider,
      turned: Partial<Decidable> = {},
      earlier: Circumstances['earlier'] = [],
    ) =>
      objectionTo(
        { ...challenge, ...turned },
        {
          method: decider.kind === 'client' ? 'approver' : 'proof_system',
          decision: 'approved',
          reason: 'x',
          decider,
          amr: [],
        },
        { now: NOW, earlier, ours: ISSUERS, isTrusted: true },
      );
    const client = (clientId: string): Decider => ({ kind: 'client', clientId });
    const named = (sub: string, iss?: string): Decider => ({
      kind: 'proof_system',
      systemId: 's',
      by: { sub, ...(iss === undefined ? {} : { iss }) },
    });
    expect(['a', 'b', 'c'].map((id) => by(client(id)))).toEqual(['party', 'party', null]);
    expect(['a', 'b', 'c'].map((id) => by(named(id)))).toEqual(['party', 'party', null]);
    expect(['A', 'B'].map((id) => by(named(id, OURS)))).toEqual(['party', 'party']);
    expect(['a', 'b'].map((id) => by(named(id, IDP)))).toEqual(['party', 'party']);
    const may = { ...challenge.terms, requester_may_satisfy: true };
    expect(by(client('a'), { terms: may })).toBeNull();
    expect(by(named('A', OURS), { terms: may })).toBe('party');
    const alice = { subject: 'alice', subjectIssuer: IDP, subjectType: 'user' as const };
    expect(by(named('bob', IDP), alice)).toBeNull();
    expect(by(named('alice', IDP), alice)).toBe('party');
    expect(by(named('bob'), alice)).toBe('no_issuer');
    const mfa = { ...alice, type: 'mfa', terms: { ...challenge.terms, subject_may_satisfy: true } };
    expect(by(named('bob', IDP), mfa)).toBe('subject');
    expect(by(named('alice', IDP), mfa)).toBeNull();
    expect(by(named('bob', IDP), { ...mfa, quorum: 2 })).toBeNull();
    // Each person once, whatever the way and the spelling.
    const two = { ...alice, quorum: 2 };
    const after = (sub: string, issuer: string | null) => [
      { decision: 'approved' as const, person: { sub, issuer } },
    ];
    expect(by(named('bob', IDP), two, after('bob', IDP))).toBe('said');
    expect(by(named('c', OURS), two, after('c', null))).toBe('said');
    expect(by(client('c'), two, after('c', null))).toBe('said');
    expect(by(named('BOB', IDP), two, after('bob', IDP))).toBe('alike');
    expect(by(named('bob', IDP), two, after('bob', null))).toBe('alike');
    expect(by(named('carol', IDP), two, after('bob', IDP))).toBeNull();
    expect(by(named('bob', 'https://other'), two, after('bob', IDP))).toBeNull();
    // What has come to its end says which.
    expect(by(client('c'), { expiresAt: new Date(NOW) })).toBe('expired');
    expect(by(client('c'), { decision: 'rejected' })).toBe('decided');
  });
});
