import {
  generationsClaim,
  policyName,
  subjectKey,
  type Generations,
} from '../../mandates/generations.js';
import { clientsOf, subjectOf } from '../../mandates/taken-back.js';
import type { ActorClaim, MandateClaims } from '../../mandates/mandate-claims.js';
import type { Entry, Fact, SessionBirth } from '../../ledger/entry.js';
import { clientsIn } from '../stages/actor-chain.js';
import type { Authorized } from '../stages/authorize.js';
import type { Delegated } from '../stages/delegate.js';

/** What says which generations a mandate is issued in. */
type Issuing = Pick<Authorized, 'caller' | 'principals' | 'granted'>;

/**
 * The generations that a mandate is issued in: those of now. What of the subject token was taken back was found before
 * (`resolve.ts`), so its own are those of now as well.
 */
export function generationsOf({ caller, principals, granted }: Issuing): Generations {
  const { zone, client, clients } = caller;
  const { act } = principals;
  const ofClient = (id: string): number => clients.generationOf(id) ?? 0;
  const { subject, issuer } = ofSubject({ caller, principals });
  return {
    zone: zone.generation,
    client: client.generation,
    subject,
    issuer,
    actors: actorsIn(act).map(({ clientId }) => (clientId === undefined ? 0 : ofClient(clientId))),
    resources: granted.resources.map(({ generation }) => generation),
    via: handedOnBy(principals, client.id, ofClient),
  };
}

/** The generations of the subject, and of the issuer whose name it is. */
function ofSubject({ caller, principals }: Pick<Issuing, 'caller' | 'principals'>) {
  const { zone, client, clients } = caller;
  const { subject, user, userGeneration } = principals;
  const issuer = user?.issuer ?? subject?.subIss;
  return {
    subject:
      user !== null
        ? userGeneration
        : subject === null
          ? client.generation
          : subject.subType === 'application'
            ? (clients.generationOf(subject.sub) ?? 0)
            : subject.generations.subject,
    issuer: issuer === undefined ? 0 : (zone.issuers.get(issuer)?.generation ?? 0),
  };
}

/**
 * The clients that authority has come by and that the mandate names nowhere else. The first of a chain is the one of its
 * root session, with which all of the chain ends.
 */
function handedOnBy(
  { subject, act }: Issuing['principals'],
  clientId: string,
  ofClient: (id: string) => number,
): Generations['via'] {
  if (subject === null) return NOBODY;
  const named = new Set([clientId, ...clientsIn(act)]);
  if (subject.subType === 'application') named.add(subject.sub);
  const before = [
    ...(subject.ancestors.length === 0 ? [] : clientsOf(subject).map(([id]) => id)),
    ...Object.keys(subject.generations.via),
  ];
  const others = before.filter((id) => !named.has(id));
  return others.length === 0
    ? NOBODY
    : Object.fromEntries([...new Set(others)].map((id) => [id, ofClient(id)]));
}

const NOBODY: Generations['via'] = Object.freeze({});

function actorsIn(act: ActorClaim | undefined): ActorClaim[] {
  return act === undefined ? [] : [act, ...actorsIn(act.act)];
}

/** The claims of a mandate by which it can be taken back: `gen` and `pol`. */
export function issuanceClaims(
  request: Issuing & Pick<Authorized, 'policy'>,
): Readonly<Record<string, unknown>> {
  const gen = generationsClaim(generationsOf(request));
  const { subject, actor } = request.principals;
  const policies = new Set([
    ...(subject?.policies ?? []),
    ...(actor?.policies ?? []),
    policyName(request.policy.manifestSha256),
  ]);
  return { ...(gen === undefined ? {} : { gen }), pol: [...policies].join(' ') };
}

/** The generations that a session is opened in, as far as they are not 0. */
export function sessionGenerations({
  generations: { zone, client, subject, issuer },
}: Pick<MandateClaims, 'generations'>): Partial<SessionBirth> {
  return {
    ...(zone === 0 ? {} : { zone_generation: zone }),
    ...(client === 0 ? {} : { client_generation: client }),
    ...(subject === 0 ? {} : { subject_generation: subject }),
    ...(issuer === 0 ? {} : { issuer_generation: issuer }),
  };
}

/** The facts that no subject was taken back whose generation a token says; others have none of their own. */
export function subjectFacts({
  principals,
  caller,
}: Pick<Delegated, 'principals' | 'caller'>): Fact[] {
  const { subject, actor } = principals;
  const { hasSubjectGenerations } = caller.zone;
  return [
    ...(subject === null ? [] : ofToken(subject, 'subject_token', hasSubjectGenerations)),
    ...(actor === null ? [] : ofToken(actor, 'actor_token', hasSubjectGenerations)),
  ];
}

function ofToken(
  claims: MandateClaims,
  parameter: 'subject_token' | 'actor_token',
  isAsked: boolean,
): Fact[] {
  const subject = subjectOf(claims);
  if (subject === null || (!isAsked && subject.generation === 0)) return [];
  return [
    {
      kind: 'generation_current',
      ...subject,
      parameter,
      otherwise: {
        outcome: 'denied',
        error: 'invalid_grant',
        reason: `${parameter}: its subject was taken back`,
      },
    },
  ];
}

/** The generation of a user as it was read, for the commit to compare; nothing where there was nothing to read. */
export function seenSubject({
  principals: { user, userGeneration },
  caller,
}: Pick<Delegated, 'principals' | 'caller'>): Pick<Entry, 'subject'> {
  if (user === null || !caller.zone.hasSubjectGenerations) return {};
  return { subject: { key: subjectKey(user.issuer, user.sub), generation: userGeneration } };
}
