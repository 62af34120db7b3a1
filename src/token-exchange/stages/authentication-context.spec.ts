import { describe, expect, test } from 'vitest';
import { contextSubject, knownContext, type SessionContext } from './authentication-context.js';

type Request = Parameters<typeof knownContext>[0];

const IDP = 'https://idp.example';
const caller = { client: { id: 'client' } };

/** A request with a mandate of alice, of an issuer, or of a client without one. */
function request(stated: object = {}): Request {
  const subject = { sub: 'alice', subIss: IDP, ...stated };
  return { principals: { subject, user: null }, caller } as unknown as Request;
}
const ownRequest: Request = { principals: { subject: null, user: null }, caller };

const session: SessionContext = {
  subject: 'alice',
  issuer: IDP,
  acr: 'mfa',
  amr: ['otp'],
  authTime: new Date(500_900),
};
const remembered = { acr: 'mfa', amr: ['otp'], authTime: 500 };

test('a subject has the name and the issuer that its token or its client gives it', () => {
  expect(contextSubject(request())).toEqual({ sub: 'alice', issuer: IDP });
  expect(contextSubject(ownRequest)).toEqual({ sub: 'client', issuer: null });
});

describe('what is known of the authentication of a subject', () => {
  test('is what its session remembers', () => {
    expect(knownContext(request(), session)).toEqual(remembered);
    const own = { ...session, subject: 'client', issuer: null };
    expect(knownContext(ownRequest, own)).toEqual(remembered);
  });

  test.each<[string, Partial<SessionContext>]>([
    ['of another name', { subject: 'bob' }],
    ['of that name of another issuer', { issuer: 'https://other.example' }],
    ['of that name of ours', { issuer: null }],
    ['that remembers nothing', { acr: null, amr: null, authTime: null }],
  ])('is nothing of a session %s', (_which, turned) => {
    expect(knownContext(request(), { ...session, ...turned })).toBeNull();
    const stated = { acr: 'pwd', amr: ['pwd'], authTime: 100 };
    expect(knownContext(request(stated), { ...session, ...turned })).toEqual(stated);
  });

  test('is the newer of what its token states and what its session remembers', () => {
    const stated = (authTime: number) => ({ acr: 'pwd', amr: ['pwd'], authTime });
    expect(knownContext(request(stated(499)), session)).toEqual(remembered);
    expect(knownContext(request(stated(500)), session)).toEqual(remembered);
    expect(knownContext(request(stated(501)), session)).toEqual(stated(501));
    expect(knownContext(request(stated(501)), null)).toEqual(stated(501));
  });
});
