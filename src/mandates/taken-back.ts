import { subjectKey } from './generations.js';
import type { ActorClaim, MandateClaims } from './mandate-claims.js';

/** What of a mandate says which generations it is of. */
type Issued = Pick<
  MandateClaims,
  'clientId' | 'sub' | 'subType' | 'subIss' | 'act' | 'target' | 'generations' | 'policies'
>;

/** The generations that count, as an evaluation knows them; `null` for what is not there, which is refused elsewhere. */
export interface CurrentGenerations {
  readonly zone: number;
  ofClient(id: string): number | null;
  ofIssuer(issuer: string): number | null;
  ofResource(identifier: string): number | null;
  /** Whether the mandates of a policy set are taken back. */
  isWithdrawn(policy: string): boolean;
}

/**
 * Every client that a mandate comes by, with the generation that it was issued in: the one that it was issued to, an
 * application that is its subject, the actors, and those who handed it on.
 */
export function clientsOf(claims: Omit<Issued, 'target' | 'policies'>): [string, number][] {
  const { clientId, sub, subType, act, generations } = claims;
  const { client, subject, actors, via } = generations;
  const clients: [string, number][] = [[clientId, client]];
  if (subType === 'application') clients.push([sub, subject]);
  let actor: ActorClaim | undefined = act;
  for (let at = 0; actor !== undefined; at += 1, actor = actor.act) {
    if (actor.clientId !== undefined) clients.push([actor.clientId, actors[at] ?? 0]);
  }
  return [...clients, ...Object.entries(via)];
}

/**
 * What of a mandate was taken back since it was issued, in words for the audit log; `null` if nothing was. A subject that
 * is no application is not looked at: the database is asked about it, in the commit.
 *
 * A generation above the one that is known is of a database that was lost, such as one that was restored from a backup:
 * what was issued in it does not count either.
 */
export function takenBack(claims: Issued, current: CurrentGenerations): string | null {
  const { generations, target, subIss, policies } = claims;
  if (generations.zone !== current.zone) {
    return differs('its zone', generations.zone, current.zone);
  }
  for (const [id, said] of clientsOf(claims)) {
    const now = current.ofClient(id);
    if (now !== null && now !== said) return differs(`the client ${id}`, said, now);
  }
  if (subIss !== undefined) {
    const now = current.ofIssuer(subIss);
    if (now !== null && now !== generations.issuer) {
      return differs(`the issuer ${subIss}`, generations.issuer, now);
    }
  }
  for (const [at, identifier] of target.entries()) {
    const said = generations.resources[at] ?? 0;
    const now = current.ofResource(identifier);
    if (now !== null && now !== said) return differs(`the resource ${identifier}`, said, now);
  }
  const withdrawn = policies.find((policy) => current.isWithdrawn(policy));
  return withdrawn === undefined ? null : `the policy set ${withdrawn} was withdrawn`;
}

function differs(what: string, said: number, now: number): string {
  return said < now
    ? `${what} was taken back (generation ${said}, now ${now})`
    : `${what} is of a generation that is not known (${said}, now ${now})`;
}

/** The subject of a mandate with a generation of its own: a user. `null` for an application, whose client has it. */
export function subjectOf({
  sub,
  subType,
  subIss,
  generations,
}: Pick<Issued, 'sub' | 'subType' | 'subIss' | 'generations'>): {
  readonly key: string;
  readonly generation: number;
} | null {
  if (subType !== 'user') return null;
  return { key: subjectKey(subIss ?? null, sub), generation: generations.subject };
}

/** What a mandate says of its generations and policies, as `taken_back` in zones/generations.sql takes it. */
export function generationsSaid(claims: Issued): object {
  const { generations, subIss, target, policies } = claims;
  const subject = subjectOf(claims);
  return {
    zone: generations.zone,
    clients: clientsOf(claims),
    subject: subject === null ? null : [subject.key, subject.generation],
    issuer: subIss === undefined ? null : [subIss, generations.issuer],
    resources: target.map((identifier, at) => [identifier, generations.resources[at] ?? 0]),
    policies,
  };
}
