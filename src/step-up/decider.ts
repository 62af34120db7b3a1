import { isOwnIssuer, type AcceptedIssuers } from '../zones/zone-issuer.js';

/**
 * A person, or an application that decides as one: a name, and the trusted issuer that gives it; `null` for
 * names of ours. Whom a name stands for follows from both, code point by code point.
 */
export interface Person {
  readonly sub: string;
  readonly issuer: string | null;
}

/** Who decides on a challenge, as the way of deciding tells. */
export type Decider =
  /** The operators: one approver, since nothing tells the holders of their key apart. */
  | { readonly kind: 'operator'; readonly name: string }
  /** An application with a session mandate of its own. */
  | { readonly kind: 'client'; readonly clientId: string }
  /** The subject of the challenge, with an authenticator of its own. */
  | { readonly kind: 'subject'; readonly person: Person }
  /** Whoever holds the link to the page, without showing who that is. It can refuse, and nothing else. */
  | { readonly kind: 'link' }
  /** A person whom a proof system names. Without `iss` the name is one of ours. */
  | {
      readonly kind: 'proof_system';
      readonly systemId: string;
      readonly by: { readonly sub: string; readonly iss?: string };
    };

/**
 * The person who decides.
 *
 * @param ours the issuers that the zone goes by: their names have no issuer here. `null` if that does not matter
 * @returns `null` for the operators, and for whoever holds the link
 */
export function personOf(decider: Decider, ours: AcceptedIssuers | null): Person | null {
  switch (decider.kind) {
    case 'operator':
    case 'link':
      return null;
    case 'client':
      return { sub: decider.clientId, issuer: null };
    case 'subject':
      return decider.person;
    default: {
      const { sub, iss = null } = decider.by;
      return { sub, issuer: ours !== null && isOwnIssuer(ours, iss) ? null : iss };
    }
  }
}

/**
 * The decider as the database and the audit log have it: who it is and by which way. The column `person` of
 * `challenge_decisions` is made of this text.
 */
export function nameOf(decider: Decider, person: Person | null): string {
  switch (decider.kind) {
    case 'operator':
      return `operator:${decider.name}`;
    case 'link':
      return 'link';
    case 'client':
      return `client:${decider.clientId}`;
    case 'subject':
      return `subject:${written(person)}`;
    default:
      return `proof_system:${decider.systemId}:${written(person)}`;
  }
}

function written(person: Person | null): string {
  return JSON.stringify([person?.issuer ?? null, person?.sub]);
}

/** Reads the column `person` of `challenge_decisions`. @returns `null` for the operators and holders of links */
export function readPerson(text: string): Person | null {
  if (!text.startsWith('[')) return null;
  const [issuer, sub]: unknown[] = JSON.parse(text);
  if (typeof sub !== 'string') throw new Error('a person has a name');
  return { sub, issuer: typeof issuer === 'string' ? issuer : null };
}

/** The members of a person as they are shown and recorded, as claims are called. */
export function describePerson({ sub, issuer }: Person): { sub: string; iss?: string } {
  return issuer === null ? { sub } : { sub, iss: issuer };
}

/** Whether two names are of one person: what lets a person do something rests on this. */
export function isSamePerson(one: Person | null, other: Person): boolean {
  return one !== null && one.sub === other.sub && one.issuer === other.issuer;
}

/** How two names of persons compare. */
export type Likeness =
  /** One person. */
  | 'same'
  /** Other spellings of one name, or the same name once of ours and once of an issuer: it cannot be known. */
  | 'alike'
  /** Two persons. */
  | 'other';

/**
 * Compares persons where one who is taken for two would have two says: a name that differs in case or Unicode
 * form only is then not another one (RFC 7519 4.1.2 compares `sub` exactly; systems that people type names into
 * do not).
 */
export function likenessOf(one: Person | null, other: Person | null): Likeness {
  if (one === null || other === null) return one === other ? 'same' : 'other';
  if (isSamePerson(one, other)) return 'same';
  if (folded(one.sub) !== folded(other.sub)) return 'other';
  const ofOneIssuer = one.issuer === other.issuer;
  const unnamed = one.issuer === null || other.issuer === null;
  return ofOneIssuer || unnamed ? 'alike' : 'other';
}

/** A name without case and Unicode form. By way of capitals, as some small letters share theirs. */
function folded(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}
