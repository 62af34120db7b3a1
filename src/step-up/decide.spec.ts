import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { objectionTo, type Decidable, type DecisionInput } from './decide.js';
import { DECISION_METHODS } from './decision-methods.js';

const NOW = 1_000_000;
const BINDING = Buffer.alloc(32, 7);

const clients = fc.constantFrom('a', 'b', 'c', 'd');
const challenges = fc.record({
  binding: fc.constant(BINDING),
  clientId: clients,
  subject: fc.constantFrom('a', 'b', 'alice'),
  subjectIssuer: fc.constantFrom(null, 'https://idp'),
  subjectType: fc.constantFrom('user' as const, 'application' as const),
  involvedClientIds: fc.array(clients),
  terms: fc.record({
    lifetime_seconds: fc.constant(300),
    satisfied_by: fc.subarray([...DECISION_METHODS]),
    quorum: fc.constant(1),
    requester_may_satisfy: fc.boolean(),
    subject_may_satisfy: fc.boolean(),
    acr: fc.constant('x'),
    reuse_seconds: fc.constant(0),
  }),
  decision: fc.constantFrom(null, 'approved' as const, 'rejected' as const),
  consumedAt: fc.constant(null),
  expiresAt: fc.constantFrom(new Date(NOW - 1), new Date(NOW), new Date(NOW + 1)),
});
const inputs = fc.record(
  {
    method: fc.constantFrom(...DECISION_METHODS),
    decision: fc.constantFrom('approved' as const, 'rejected' as const),
    reason: fc.constant('x'),
    decidedBy: fc.constant('x'),
    amr: fc.constant([]),
    clientId: clients,
    person: fc.record({
      sub: fc.constantFrom('a', 'alice'),
      issuer: fc.constantFrom(null, 'https://idp'),
    }),
    binding: fc.constantFrom('07'.repeat(32), '08'.repeat(32), '07', ''),
  },
  { requiredKeys: ['method', 'decision', 'reason', 'decidedBy', 'amr'] },
);

/** Whatever may be decided, by whatever rule. */
const whenever = (
  law: (challenge: Decidable, input: DecisionInput, objection: string | null) => void,
): void =>
  fc.assert(
    fc.property(challenges, inputs, (challenge, input) =>
      law(challenge, input, objectionTo(challenge, input, NOW)),
    ),
    { numRuns: 2_000 },
  );

describe('who may decide', () => {
  test('nobody on what is settled or has expired', () => {
    whenever((challenge, _input, objection) => {
      const open = challenge.decision === null && challenge.expiresAt.getTime() > NOW;
      if (!open) expect(objection).not.toBeNull();
    });
  });

  test('nobody in the chain that asks, whatever the type says', () => {
    whenever((challenge, { clientId }, objection) => {
      const inChain = clientId !== undefined && challenge.involvedClientIds.includes(clientId);
      if (inChain) expect(objection).not.toBeNull();
    });
  });

  test('not whoever asks, nor whom it speaks for, unless the type says so', () => {
    whenever((challenge, { clientId, person }, objection) => {
      const { terms, subject, subjectIssuer } = challenge;
      if (clientId === challenge.clientId && !terms.requester_may_satisfy) {
        expect(objection).not.toBeNull();
      }
      const itself = person?.sub === subject && person.issuer === subjectIssuer;
      if (itself && !terms.subject_may_satisfy) expect(objection).not.toBeNull();
    });
  });

  test('only in a way that the type is satisfied in, and on what was seen', () => {
    whenever((challenge, { method, binding }, objection) => {
      if (!challenge.terms.satisfied_by.includes(method)) expect(objection).not.toBeNull();
      if (binding !== undefined && binding !== '07'.repeat(32)) expect(objection).not.toBeNull();
    });
  });

  test('everybody else', () => {
    const challenge: Decidable = {
      binding: BINDING,
      clientId: 'a',
      subject: 'a',
      subjectIssuer: null,
      subjectType: 'application',
      involvedClientIds: ['b'],
      terms: {
        lifetime_seconds: 300,
        satisfied_by: ['approver'],
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
    const by = (clientId: string): DecisionInput => ({
      method: 'approver',
      decision: 'approved',
      reason: 'x',
      decidedBy: clientId,
      clientId,
      amr: [],
    });
    expect(['a', 'b', 'c'].map((client) => objectionTo(challenge, by(client), NOW))).toEqual([
      'party',
      'party',
      null,
    ]);
  });
});
