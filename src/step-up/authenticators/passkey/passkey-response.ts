import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';

const BASE64URL = /^[A-Za-z0-9_-]{1,8192}$/;

/**
 * Reads the assertion of a passkey that has signed, as the browser gives it (Web Authentication 5.1): its
 * shape only, since what it says is verified later.
 *
 * @returns `null` for any other shape
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

/** Reads the registration of a new passkey in the same way. @returns `null` for any other shape */
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
