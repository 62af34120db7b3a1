import { v7 as uuidv7 } from 'uuid';
import { expect, test } from 'vitest';
import type { Entry, Fact } from './entry.js';
import { batchOf } from './ledger-batch.js';
import { writeEntry } from './written-entry.js';

const [SUBJECT, SESSION, CLIENT] = [uuidv7(), uuidv7(), uuidv7()];

const denied = (reason: string) =>
  ({ outcome: 'denied', error: 'invalid_grant', reason }) as const satisfies Fact['otherwise'];
const session = (reason = 'over'): Fact => ({
  kind: 'session_live',
  id: SESSION,
  otherwise: denied(reason),
});
const notRevoked: Fact = {
  kind: 'token_not_revoked',
  jti: SUBJECT,
  parameter: 'subject_token',
  otherwise: denied('revoked'),
};
const nonce: Fact = {
  kind: 'nonce_unspent',
  purpose: 'client_assertion',
  nonce: 'n',
  day: '2100-01-01',
  otherwise: denied('used before'),
};

function entryIn(zoneId: string, facts: readonly Fact[], version = '7'): Entry {
  return {
    event_id: uuidv7(),
    zone_id: zoneId,
    settings_version: version,
    clients: [{ id: CLIENT, version: '1' }],
    facts,
    event: { request_id: uuidv7(), type: 'token_exchange', outcome: 'issued' },
  };
}

/** What a batch sends of the facts of its entries, by the names that batch.sql has for it. */
function sentOf(entries: readonly Entry[]) {
  const { values, factsBefore } = batchOf(entries.map(writeEntry), {
    writer: uuidv7(),
    patient: false,
    ends: new Map(),
  });
  const numbers = (at: number) =>
    String(values[at]).slice(1, -1).split(',').filter(Boolean).map(Number);
  const [factEntries, questions, , facts] = [16, 17, 18, 19].map(numbers);
  return { factEntries, questions, facts, kinds: String(values[20]).split('\u001e'), factsBefore };
}

test('what several entries of a zone rest on is asked once, and each entry keeps its own facts', () => {
  const [zone, other] = [uuidv7(), uuidv7()];
  const sent = sentOf([
    entryIn(zone, [session(), notRevoked]),
    entryIn(zone, [notRevoked, session('over, in other words')]),
    entryIn(other, [session()]),
  ]);
  expect(sent.kinds.join(' ')).toBe(
    'session_live token_not_revoked settings_version client_version session_live settings_version client_version',
  );
  expect(sent.factEntries).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]);
  expect(sent.questions).toEqual([1, 2, 3, 4, 2, 1, 3, 4, 5, 6, 7]);
  expect(sent.facts).toEqual([1, 2, 3, 4, 9, 10, 11]);
  expect(sent.factsBefore).toEqual([0, 4, 8]);
});

test('another version is another question', () => {
  const zone = uuidv7();
  const { kinds, questions } = sentOf([entryIn(zone, []), entryIn(zone, [], '8')]);
  expect(kinds).toEqual(['settings_version', 'client_version', 'settings_version']);
  expect(questions).toEqual([1, 2, 3, 2]);
});

test('what is spent is asked for each entry, also for twins', () => {
  const zone = uuidv7();
  const { kinds, facts } = sentOf([entryIn(zone, [nonce]), entryIn(zone, [nonce])]);
  expect(kinds).toEqual(['nonce_unspent', 'settings_version', 'client_version', 'nonce_unspent']);
  expect(facts).toEqual([1, 2, 3, 4]);
});
