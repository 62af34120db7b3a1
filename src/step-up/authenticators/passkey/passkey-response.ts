import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';

const BASE64URL = /^[A-Za-z0-9_-]{1,8192}$/;

/**
 * Reads what a browser says of a passkey that has signed (Web Authentication 5.1), as far as it has the
 * right shape; whether it is right is for the verification to say.
 *
 * @returns `null` if it has not
 */
export function readAssertion(text: string): AuthenticationResponseJSON | null {
  const members = ['clientDataJSON', 'authenticatorData', 'signature'];
  const read = readResponse(text, members);
  if (read === null) return null;
  const { id, response } = read;
  const [clientDataJSON = '', authenticatorData = '', signature = ''] = response;
  return {
    id,
    rawId: id,
    type: 'public-key',
    clientExtensionResults: {},
    response: { clientDataJSON, authenticatorData, signature },
  };
}

/** The same of a new passkey. */
export function readRegistration(text: string): RegistrationResponseJSON | null {
  const read = readResponse(text, ['clientDataJSON', 'attestationObject']);
  if (read === null) return null;
  const { id, response } = read;
  const [clientDataJSON = '', attestationObject = ''] = response;
  return {
    id,
    rawId: id,
    type: 'public-key',
    clientExtensionResults: {},
    response: { clientDataJSON, attestationObject },
  };
}

function readResponse(text: string, members: readonly string[]) {
  const value = parse(text);
  if (typeof value !== 'object' || value === null) return null;
  const id: unknown = Reflect.get(value, 'id');
  const inner: unknown = Reflect.get(value, 'response');
  if (typeof id !== 'string' || !BASE64URL.test(id)) return null;
  if (typeof inner !== 'object' || inner === null) return null;
  const response = members.map((name): unknown => Reflect.get(inner, name));
  const wellFormed = response.every(
    (member): member is string => typeof member === 'string' && BASE64URL.test(member),
  );
  return wellFormed ? { id, response } : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
