import { decodeToken } from '../tokens.js';
import { CLIENT_CREDENTIALS, JWT_BEARER_GRANT, TOKEN_EXCHANGE, tokenType } from '../vocabulary.js';
import { isSigned } from './client.js';
import type { Fault } from './faults.js';
import type { Form } from './form.js';
import type { Grant } from './issue.js';
import { Refusal } from './refusal.js';
import { ISSUER, RESOURCES, SCOPES, TRUSTED, type World } from './world.js';

type Claims = Readonly<Record<string, unknown>>;

const TYPES: readonly string[] = ['access_token', 'jwt'].map(tokenType);

/** Decides on a token request of a client that has authenticated. */
export async function decide(
  form: Form,
  clientId: string,
  world: World,
  fault: Fault | null,
): Promise<Grant> {
  const grantType = form.get('grant_type')?.[0];
  if (grantType === undefined) {
    const isOther = fault === 'has another error for a missing parameter';
    const isNone = fault === 'has no code for a missing parameter';
    throw new Refusal(isNone ? '' : isOther ? 'unsupported_grant_type' : 'invalid_request');
  }
  const own = { clientId, subject: clientId, act: null, tokenType: null };
  if (grantType === CLIENT_CREDENTIALS) return { ...own, ...targetOf(form, fault) };
  if (grantType === JWT_BEARER_GRANT) {
    const subject = await subjectOfJwt(form.get('assertion')?.[0] ?? '', world, fault);
    return { ...own, subject, ...targetOf(form, fault) };
  }
  if (grantType === TOKEN_EXCHANGE) return exchange(form, clientId, world, fault);
  if (fault === 'takes any grant type' && grantType !== '') {
    return { ...own, ...targetOf(form, fault) };
  }
  const isOther = fault === 'has another error for unknown grants';
  throw new Refusal(isOther ? 'invalid_grant' : 'unsupported_grant_type');
}

async function exchange(
  form: Form,
  clientId: string,
  world: World,
  fault: Fault | null,
): Promise<Grant> {
  if (fault === 'refuses every token exchange') throw new Refusal('unauthorized_client');
  const subject = await readToken('subject', form, world, fault);
  const actor = await readToken('actor', form, world, fault);
  if (subject === null) throw new Error('there is a subject, or a refusal');
  checkMayAct(subject, clientId, fault);
  const wanted = form.get('requested_token_type')?.[0] ?? TYPES[0] ?? '';
  const isIgnored = fault === 'issues another type than requested';
  if (!TYPES.includes(wanted) && !isIgnored) throw new Refusal('invalid_request');
  const before = typeof subject['act'] === 'object' ? subject['act'] : undefined;
  const by = actor === null ? (clientId === 'orders' ? clientId : null) : String(actor['sub']);
  return {
    clientId,
    subject: String(subject['sub']),
    act: by === null ? null : { sub: by, ...(before === undefined ? {} : { act: before }) },
    ...targetOf(form, fault),
    tokenType: isIgnored ? (TYPES[0] ?? '') : wanted,
  };
}

/** The subject of a JWT as authorization grant (RFC 7523 2.1). */
async function subjectOfJwt(text: string, { issuerKey }: World, fault: Fault | null) {
  const isOther = fault === 'has another error for JWTs as grant';
  const refusal = new Refusal(isOther ? 'invalid_request' : 'invalid_grant');
  const token = decodeToken(text);
  if (token === null || fault === 'refuses every JWT as grant') throw refusal;
  const { sub = 'nobody', aud, exp } = token.claims;
  const rules: readonly (readonly [Fault, boolean])[] = [
    ['takes JWTs without sub as grant', 'sub' in token.claims],
    ['takes JWTs for others as grant', aud === ISSUER],
    ['takes expired JWTs as grant', Number(exp) > Date.now() / 1_000],
    ['takes any signature of JWTs as grant', await isSigned(text, issuerKey.publicJwk)],
  ];
  if (!rules.every(([name, holds]) => holds || fault === name)) throw refusal;
  return String(sub);
}

/** Reads and validates the subject token or the actor token (RFC 8693 2.1). */
async function readToken(
  which: 'subject' | 'actor',
  form: Form,
  world: World,
  fault: Fault | null,
): Promise<Claims | null> {
  const text = form.get(`${which}_token`)?.[0];
  const type = form.get(`${which}_token_type`)?.[0];
  const badRequest =
    fault === 'has another error for bad exchanges' ? 'invalid_grant' : 'invalid_request';
  if (text === undefined) {
    if (which === 'subject' && fault === 'needs no subject_token') return { sub: 'web' };
    const mayBeAlone = type === undefined || fault === 'takes actor_token_type alone';
    if (which === 'actor' && mayBeAlone) return null;
    throw new Refusal(badRequest);
  }
  const needsNoType: Fault = `needs no ${which}_token_type`;
  if (type === undefined && fault !== needsNoType) throw new Refusal(badRequest);
  const anyType = which === 'subject' && fault === 'takes a subject token for any type';
  const isOther = fault === `has another error for ${which} tokens`;
  const invalid = () => new Refusal(isOther ? 'invalid_grant' : 'invalid_request');
  if (type !== undefined && !TYPES.includes(type) && !anyType) throw invalid();
  const claims = await verify(text, which, world, fault);
  if (claims === null) throw invalid();
  return claims;
}

async function verify(
  text: string,
  which: 'subject' | 'actor',
  { key, issuerKey }: World,
  fault: Fault | null,
): Promise<Claims | null> {
  const token = decodeToken(text);
  const takesAnything: Fault = `takes anything for ${which === 'actor' ? 'an actor' : 'a subject'} token`;
  if (token === null) return fault === takesAnything ? { sub: 'anybody' } : null;
  const { claims } = token;
  const isOurs = claims['iss'] === ISSUER;
  const signed = await isSigned(text, isOurs ? key.publicJwk : issuerKey.publicJwk);
  if (!signed || (!isOurs && claims['iss'] !== TRUSTED)) {
    return fault === `takes any signature of ${which} tokens` ? claims : null;
  }
  const isForUs = isOurs || claims['aud'] === ISSUER;
  if (!isForUs && fault !== 'takes subject tokens for others') return null;
  const isLive = Number(claims['exp']) > Date.now() / 1_000;
  return isLive || fault === 'takes expired subject tokens' ? claims : null;
}

function checkMayAct({ may_act: mayAct }: Claims, clientId: string, fault: Fault | null): void {
  if (typeof mayAct !== 'object' || mayAct === null) return;
  if (fault === 'does not look at may_act') return;
  const isNamed = 'sub' in mayAct && mayAct.sub === clientId;
  if (!isNamed) throw new Refusal('invalid_request');
}

/** The resources and the scope of a request. */
function targetOf(form: Form, fault: Fault | null) {
  const audiences = fault === 'does not look at audience' ? [] : (form.get('audience') ?? []);
  for (const one of audiences) {
    if (RESOURCES.some((known) => known === one)) continue;
    const isOther = fault === 'has another error for unknown audiences';
    throw new Refusal(isOther ? 'invalid_request' : 'invalid_target');
  }
  const resources = (form.get('resource') ?? []).map((one) => knownResource(one, fault));
  if (fault === 'has another error for no resource' && !form.has('resource')) {
    throw new Refusal(form.has('audience') ? 'invalid_target' : 'invalid_request');
  }
  return { resources: [...new Set([...resources, ...audiences])], ...scopeOf(form, fault) };
}

function knownResource(text: string, fault: Fault | null): string {
  const [base = ''] = text.split('#');
  if (RESOURCES.some((known) => known === text)) return text;
  if (!URL.canParse(text) && fault === 'takes relative resources') return text;
  if (text !== base && fault === 'takes fragments of resources') return base;
  const code = URL.canParse(text)
    ? fault === 'has another error for unknown resources'
    : fault === 'has another error for malformed resources';
  throw new Refusal(code ? 'invalid_request' : 'invalid_target');
}

function scopeOf(form: Form, fault: Fault | null) {
  const text = form.get('scope')?.[0];
  if (text === undefined) return { scope: ['read'], requested: 'none' as const };
  const values = text.split(' ');
  const known = values.filter((value) => SCOPES.some((scope) => scope === value));
  const isKnown = known.length === values.length;
  const code =
    fault === 'has another error for unknown scope' ? 'invalid_request' : 'invalid_scope';
  const drops = fault === 'drops unknown scope without a word' && known.length > 0;
  if (!isKnown && !drops) throw new Refusal(code);
  if (fault === 'wants scope in one order' && known.join() !== known.toSorted().join()) {
    throw new Refusal('invalid_scope');
  }
  return { scope: known, requested: isKnown ? ('the same' as const) : ('more' as const) };
}
