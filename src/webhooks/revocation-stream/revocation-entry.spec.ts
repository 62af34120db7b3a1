import { describe, expect, test } from 'vitest';
import { revocationEntry } from './revocation-entry.js';
import { signEntry } from './stream-signature.js';

const KEY = Buffer.from(Array.from({ length: 32 }, (_, n) => n));
const ZONE = '01900000-0000-7000-8000-000000000001';
const ENDED = '01900000-0000-7000-8000-000000000002';
const ID = '01900000-0000-7000-8000-000000000003';

describe('an entry of the revocation stream', () => {
  test('names what has ended as gateways do, and is signed as they verify it', () => {
    const entry = revocationEntry(
      { zoneId: ZONE, id: ID, kind: 'agent_session', endedId: ENDED },
      KEY,
    );
    expect(entry).toEqual({
      zone_id: ZONE,
      agent_session_id: ENDED,
      reason: 'agent_session_ended',
      outbox_id: ID,
      // printf 'caracal.sessions.revoke\nagent_session_id=…\noutbox_id=…\nreason=…\nzone_id=…\n' |
      //   openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f
      _sig: 'cfba81df3f531dd0ccd7891e23497a57c8c26b5d8390f556a14072c1ecf0a5f6',
    });
  });

  test.each([
    ['session', 'session_id'],
    ['agent_session', 'agent_session_id'],
    ['delegation', 'delegation_edge_id'],
  ] as const)('has of a %s its %s, and no other', (kind, member) => {
    const entry = revocationEntry({ zoneId: ZONE, id: ID, kind, endedId: ENDED }, KEY);
    const members = ['session_id', 'agent_session_id', 'delegation_edge_id'];
    expect(Object.keys(entry).filter((name) => members.includes(name))).toEqual([member]);
    expect(entry[member]).toBe(ENDED);
  });

  test('is signed for its stream, and for each of its members, in whatever order they are', () => {
    const signature = (stream: string, members: Record<string, string>) =>
      signEntry(KEY, stream, members)['_sig'];
    const usual = signature('s', { a: '1', b: '2' });
    expect(signature('s', { b: '2', a: '1' })).toBe(usual);
    const others = [
      signature('t', { a: '1', b: '2' }),
      signature('s', { a: '1', b: '3' }),
      signature('s', { a: '1', c: '2' }),
      signature('s', { a: '1' }),
      signEntry(Buffer.alloc(32, 1), 's', { a: '1', b: '2' })['_sig'],
    ];
    expect(new Set([usual, ...others]).size).toBe(6);
  });
});
