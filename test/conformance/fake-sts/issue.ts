import { randomUUID } from 'node:crypto';
import { signJwt } from '../client-authentication.js';
import { tokenType } from '../vocabulary.js';
import type { Fault } from './faults.js';
import { ISSUER, RESOURCES, type World } from './world.js';

type Members = Readonly<Record<string, unknown>>;

/** What is to be issued. */
export interface Grant {
  readonly clientId: string;
  readonly subject: string;
  readonly act: Members | null;
  /** Empty if none was requested. */
  readonly resources: readonly string[];
  readonly scope: readonly string[];
  /** What scope was requested, seen from what is granted. */
  readonly requested: 'the same' | 'more' | 'none';
  /** What `requested_token_type` says, if this is a token exchange. */
  readonly tokenType: string | null;
}

const LIFETIME = 600;

/** The body of a successful response (RFC 6749 5.1, RFC 8693 2.2.1). */
export async function issue(grant: Grant, world: World, fault: Fault | null): Promise<Members> {
  const token = await accessToken(grant, world, fault);
  const isJwt = grant.tokenType === tokenType('jwt');
  const isSilent =
    (fault === 'does not say the default scope' && grant.requested === 'none') ||
    (fault === 'drops unknown scope without a word' && grant.requested === 'more');
  return {
    access_token:
      fault === 'has no access_token'
        ? undefined
        : isJwt && fault === 'issues what is no JWT as JWT'
          ? 'opaque'
          : token,
    token_type:
      fault === 'has no token_type'
        ? undefined
        : fault === 'says N_A of an access token'
          ? 'N_A'
          : 'Bearer',
    expires_in: expiresIn(fault),
    scope: isSilent ? undefined : grant.scope.join(' '),
    ...(grant.tokenType === null || fault === 'has no issued_token_type'
      ? {}
      : { issued_token_type: issuedType(grant.tokenType, fault) }),
  };
}

function expiresIn(fault: Fault | null): unknown {
  if (fault === 'has no expires_in') return undefined;
  if (fault === 'has a text as expires_in') return String(LIFETIME);
  return fault === 'says too long an expires_in' ? LIFETIME * 2 : LIFETIME;
}

function issuedType(type: string, fault: Fault | null): string {
  if (fault === 'has issued_token_type without URI') return 'access_token';
  return type;
}

async function accessToken(grant: Grant, world: World, fault: Fault | null): Promise<string> {
  const claims = claimsOf(grant, fault);
  if (fault === 'does not sign tokens') {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(claims)}.`;
  }
  const key = fault === 'signs with another key' ? world.issuerKey : world.key;
  const typ: Partial<Record<Fault, { typ: string | undefined }>> = {
    'has no typ': { typ: undefined },
    'has typ JWT': { typ: 'JWT' },
    'has the long typ': { typ: 'application/at+jwt' },
  };
  const header = (fault === null ? undefined : typ[fault]) ?? { typ: 'at+jwt' };
  return signJwt(key.privateJwk, claims, { ...header, kid: 'server' } as { kid: string });
}

function claimsOf(grant: Grant, fault: Fault | null): Members {
  const now = Math.floor(Date.now() / 1_000);
  const { clientId, act, scope, subject } = grant;
  const isClientItself = grant.tokenType === null;
  const claims: Record<string, unknown> = {
    iss: ISSUER,
    sub: subject,
    aud: audOf(grant, fault),
    exp: now + LIFETIME,
    iat: now,
    jti: randomUUID(),
    client_id: clientId,
    scope: scope.join(' '),
    auth_time: now - 60,
    acr: '1',
    amr: ['pwd'],
    ...(act === null ? {} : { act: actOf(act, subject, fault) }),
  };
  if (fault === 'has another subject for clients' && isClientItself) claims['sub'] = 'nobody';
  if (fault === 'has the actor as subject' && act !== null) claims['sub'] = act['sub'];
  if (fault === 'has no act') delete claims['act'];
  return { ...claims, ...(fault === null ? {} : CHANGES[fault]) };
}

function audOf({ resources }: Grant, fault: Fault | null): unknown {
  if (fault === 'has one aud for all resources') return ISSUER;
  if (fault === 'has all resources in each aud') return RESOURCES;
  if (resources.length === 0) {
    return fault === 'has no default aud' ? undefined : 'https://default.example/';
  }
  return resources.length === 1 ? resources[0] : resources;
}

/** Claims that are other than they should be in each token. */
const CHANGES: Partial<Readonly<Record<Fault, Members>>> = {
  'has a list as scope': { scope: ['read', 'write'] },
  'has another client_id': { client_id: 'another' },
  'has no iss': { iss: undefined },
  'has no exp': { exp: undefined },
  'has no aud': { aud: undefined },
  'has no sub': { sub: undefined },
  'has no client_id': { client_id: undefined },
  'has no iat': { iat: undefined },
  'has no jti': { jti: undefined },
  'has one jti for all tokens': { jti: 'the same' },
  'has a text as amr': { amr: 'pwd' },
  'has no scope claim': { scope: undefined },
  'has another iss': { iss: `${ISSUER}/` },
};

function actOf(act: Members, subject: string, fault: Fault | null): unknown {
  switch (fault) {
    case 'has a text as act':
      return act['sub'];
    case 'has an act without a name':
      return { iss: ISSUER };
    case 'has the subject as act':
      return { ...act, sub: subject };
    case 'has exp in act':
      return { ...act, exp: 1 };
    case 'nests the current actor':
      return typeof act['act'] === 'object' ? { ...act['act'], act: { sub: act['sub'] } } : act;
    default:
      return act;
  }
}
