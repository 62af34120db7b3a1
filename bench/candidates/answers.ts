import { createLocalJWKSet, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose';

/** A whole answer, read. */
export interface ReadAnswer {
  readonly requestId: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Reads head and body of an answer, which may be empty. */
export function readHead(answer: string): { readonly requestId: string; readonly text: string } {
  const end = answer.indexOf('\r\n\r\n');
  const requestId = /\r\n(?:mandate|x)-request-id: *(\S+)/i.exec(answer.slice(0, end))?.[1] ?? '';
  return { requestId, text: answer.slice(end + 4) };
}

/** Reads head and body of an answer. */
export function readSample(answer: string): ReadAnswer {
  const { requestId, text } = readHead(answer);
  return { requestId, body: JSON.parse(text) as Record<string, unknown> };
}

/** The keys at a URL. */
export async function keysAt(url: string): Promise<ReturnType<typeof createLocalJWKSet>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return createLocalJWKSet((await response.json()) as JSONWebKeySet);
}

/** The claims of the token in an answer, whose signature, audience and scope are right; throws otherwise. */
export async function verifiedClaims(
  { body }: ReadAnswer,
  keys: ReturnType<typeof createLocalJWKSet>,
  expected: { readonly audience: string; readonly scope: string },
): Promise<JWTPayload & { readonly jti: string }> {
  const { payload } = await jwtVerify(String(body['access_token']), keys, {
    algorithms: ['ES256'],
    audience: expected.audience,
    requiredClaims: ['exp', 'iat', 'jti', 'sub'],
  });
  if (payload['scope'] !== expected.scope) throw new Error(`scope ${String(payload['scope'])}`);
  return { ...payload, jti: String(payload.jti) };
}
