import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { approvalOf, type CountedDecision } from './approval.js';
import { objectionTo, type Decidable } from './decide.js';
import { likenessOf, nameOf, personOf, readPerson, type Decider } from './decider.js';
import { REPORT, type MadeBy } from './decision-methods.js';

const OURS = 'https://mandate';
const ISSUERS = { issuer: OURS, formerIssuer: 'https://mandate/before' };
const NAMES = ['alice', 'Alice', 'ALICE', 'ａlice', 'bob', 'bób', 'bo\u0301b', 'straße', 'STRASSE'];
const METHODS = {
  link: REPORT,
  operator: 'operator',
  client: 'approver',
  subject: 'totp',
} as const;

const names = fc.constantFrom(...NAMES);
const issuers = fc.constantFrom('https://one', 'https://two');
const people = fc.record({ sub: names, issuer: fc.option(issuers) });
const deciders: fc.Arbitrary<Decider> = fc.oneof(
  fc.record({ kind: fc.constant('operator' as const), name: fc.constant('admin key') }),
  fc.record({ kind: fc.constant('client' as const), clientId: fc.constantFrom('c1', 'c2') }),
  fc.record({
    kind: fc.constant('proof_system' as const),
    systemId: fc.constantFrom('s1', 's2', 's3'),
    by: fc.record(
      {
        sub: fc.oneof(names, fc.constantFrom('c1', 'c2')),
        iss: fc.oneof(issuers, fc.constant(OURS)),
      },
      { requiredKeys: ['sub'] },
    ),
  }),
);

const methodOf = (decider: Decider): MadeBy =>
  decider.kind === 'proof_system' ? 'proof_system' : METHODS[decider.kind];

/** A challenge that may be decided on in any way, by whoever is no part of it. */
function challengeOf(turned: Partial<Decidable> = {}): Decidable {
  const satisfied_by = ['operator', 'approver', 'proof_system', 'totp'];
  return {
    type: 'approval',
    binding: Buffer.alloc(32),
    clientId: 'requester',
    subject: 'alice',
    subjectIssuer: 'https://one',
    subjectType: 'user',
    involvedClientIds: [],
    quorum: 10,
    terms: {
      lifetime_seconds: 300,
      satisfied_by,
      quorum: 10,
      requester_may_satisfy: false,
      subject_may_satisfy: true,
      acr: 'x',
      reuse_seconds: 0,
    },
    decision: null,
    consumedAt: null,
    expiresAt: new Date(10),
    ...turned,
  };
}

/** What is stored when such deciders approve one after the other. */
function approveAll(challenge: Decidable, all: readonly Decider[]): CountedDecision[] {
  const stored: CountedDecision[] = [];
  for (const [i, decider] of all.entries()) {
    const method = methodOf(decider);
    const input = { method, decision: 'approved' as const, reason: 'x', decider, amr: [`m${i}`] };
    const around = { now: 0, earlier: stored, ours: ISSUERS, isTrusted: true };
    if (objectionTo(challenge, input, around) !== null) continue;
    const person = personOf(decider, ISSUERS);
    stored.push({ method, decision: 'approved', person, amr: input.amr, decidedAt: new Date(i) });
  }
  return stored;
}

/** A name as nobody would tell it from another by ear: written here anew, so that a mistake in one shows. */
const heard = (name: string) =>
  name.normalize('NFKC').toLocaleLowerCase('en').replaceAll('ß', 'ss').normalize('NFKC');

describe('a quorum', () => {
  const withSubject = fc
    .array(deciders, { maxLength: 12 })
    .chain((list) =>
      fc.shuffledSubarray(
        [...list, { kind: 'subject' as const, person: { sub: 'alice', issuer: 'https://one' } }],
        { minLength: list.length },
      ),
    );

  test('counts each person once, in whichever ways and order they decide', () => {
    fc.assert(
      fc.property(withSubject, (all) => {
        const challenge = challengeOf();
        const decisions = approveAll(challenge, all);
        const { approvals } = approvalOf(challenge, decisions);
        expect(approvals).toBe(decisions.length);
        const persons = decisions.map(({ person }) =>
          person === null ? 'operators' : JSON.stringify([person.issuer, heard(person.sub)]),
        );
        expect(new Set(persons).size).toBe(persons.length);
        // Nor is a name counted once as ours and once as an issuer's.
        const ours = decisions.flatMap(({ person }) =>
          person?.issuer === null ? [heard(person.sub)] : [],
        );
        const theirs = decisions.flatMap(({ person }) =>
          typeof person?.issuer === 'string' ? [heard(person.sub)] : [],
        );
        expect(theirs.filter((name) => ours.includes(name))).toEqual([]);
      }),
      { numRuns: 3_000 },
    );
  });

  test('loses nobody: who is like none who has decided is counted', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { maxLength: 9 }), (ids) => {
        const challenge = challengeOf();
        const all = ids.map((id): Decider => ({
          kind: 'proof_system',
          systemId: `s${id % 2}`,
          by: { sub: `p${id}`, iss: 'https://one' },
        }));
        expect(approvalOf(challenge, approveAll(challenge, all)).approvals).toBe(ids.length);
      }),
    );
  });

  test('counts what another version has stored of one person twice once', () => {
    fc.assert(
      fc.property(fc.array(people, { maxLength: 8 }), (persons) => {
        const decisions = persons.map((person): CountedDecision => ({
          method: 'proof_system',
          decision: 'approved',
          person,
          amr: [],
          decidedAt: new Date(0),
        }));
        const challenge = challengeOf();
        const { approvals } = approvalOf(challenge, decisions);
        const twice = approvalOf(challenge, [...decisions, ...decisions]);
        expect(twice.approvals).toBe(approvals);
        const distinct = persons.map(({ issuer, sub }) => JSON.stringify([issuer, heard(sub)]));
        expect(approvals).toBeLessThanOrEqual(new Set(distinct).size);
      }),
    );
  });
});

describe('decisions that another version has stored', () => {
  const stored = (turned: Partial<CountedDecision>): CountedDecision => ({
    method: 'proof_system',
    decision: 'approved',
    person: { sub: 'p1', issuer: 'https://two' },
    amr: ['pwd'],
    decidedAt: new Date(1),
    ...turned,
  });
  const two = challengeOf({ quorum: 2, terms: { ...challengeOf().terms, quorum: 2 } });
  const other = stored({ person: { sub: 'p2', issuer: 'https://two' } });

  test('fill a quorum by as many persons as it has, and no fewer', () => {
    expect(approvalOf(two, [stored({})])).toMatchObject({ approvals: 1, isFull: false });
    expect(approvalOf(two, [stored({}), other])).toMatchObject({ approvals: 2, isFull: true });
  });

  test('are no approvals where they reject, and show nothing of the subject then', () => {
    const rejected = { decision: 'rejected', person: { sub: 'alice', issuer: 'https://one' } };
    const decisions = [stored({}), stored(rejected as Partial<CountedDecision>)];
    expect(approvalOf(two, decisions)).toEqual({ approvals: 1, shown: null, isFull: false });
  });

  test('of others never stand for the subject that must approve itself, however many they are', () => {
    const terms = { ...two.terms, subject_must_satisfy: true };
    const owing = challengeOf({ quorum: 2, terms });
    expect(approvalOf(owing, [stored({}), other])).toMatchObject({ approvals: 2, isFull: false });
    const own = stored({ person: { sub: 'alice', issuer: 'https://one' } });
    expect(approvalOf(owing, [stored({}), other, own])).toMatchObject({ isFull: true });
  });
});

describe('what the subject has shown', () => {
  test('is what it has shown itself, and nothing of others', () => {
    fc.assert(
      fc.property(fc.array(deciders, { maxLength: 8 }), fc.boolean(), (others, itself) => {
        const challenge = challengeOf();
        const own: Decider = {
          kind: 'proof_system',
          systemId: 's9',
          by: { sub: 'alice', iss: 'https://one' },
        };
        const notIt = others.filter(
          (one) =>
            likenessOf(personOf(one, ISSUERS), { sub: 'alice', issuer: 'https://one' }) !== 'same',
        );
        const decisions = approveAll(challenge, itself ? [own, ...notIt] : notIt);
        const { shown } = approvalOf(challenge, decisions);
        expect(shown).toEqual(itself ? { amr: ['m0'], at: new Date(0) } : null);
      }),
    );
  });

  test('is never what an operator or a mandate says', () => {
    const challenge = challengeOf({
      subject: 'c1',
      subjectIssuer: null,
      subjectType: 'application',
    });
    const decisions = approveAll(challenge, [
      { kind: 'client', clientId: 'c1' },
      { kind: 'operator', name: 'admin key' },
    ]);
    expect(approvalOf(challenge, decisions)).toMatchObject({ approvals: 2, shown: null });
  });

  test.each([1, 2, 3])('fills a quorum of %i where it must, and others do not', (quorum) => {
    const terms = { ...challengeOf().terms, subject_must_satisfy: true };
    const challenge = challengeOf({ quorum, terms });
    const others = ['p1', 'p2', 'p3', 'p4'].map((sub): Decider => ({
      kind: 'proof_system',
      systemId: 's',
      by: { sub, iss: 'https://two' },
    }));
    const without = approveAll(challenge, others);
    expect(without).toHaveLength(quorum - 1);
    expect(approvalOf(challenge, without).isFull).toBe(false);
    const own: Decider = { kind: 'subject', person: { sub: 'alice', issuer: 'https://one' } };
    const all = approveAll(challenge, [...others, own]);
    expect(approvalOf(challenge, all)).toMatchObject({ isFull: true, approvals: quorum });
  });
});

test('a decider is written down so that the person can be read', () => {
  const own = people.map((person): Decider => ({ kind: 'subject', person }));
  fc.assert(
    fc.property(own, (decider) => {
      const person = personOf(decider, ISSUERS);
      const name = nameOf(decider, person);
      expect(readPerson(name.slice('subject:'.length))).toEqual(person);
    }),
  );
});
