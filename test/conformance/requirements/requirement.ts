/** How binding a requirement is (RFC 2119). A MAY is reported, and never fails. */
export type Level = 'MUST' | 'SHOULD' | 'MAY';

/** What has to be configured for a check, beside a client (`../config.ts`). */
export type Setting =
  | 'client_secret'
  | 'assertion_client'
  | 'subject_token'
  | 'actor_token'
  | 'downstream'
  | 'trusted_issuer'
  | 'resource'
  | 'other_resource'
  | 'audience'
  | 'scope';

/** A requirement as it is written down, one file for each RFC. */
export interface Entry {
  /** `rfc<number>-<section>-<words>`: it stays the same, so that results can be compared over time. */
  readonly id: `rfc${number}-${string}-${string}`;
  readonly level: Level;
  /** What the server has to do, in short. */
  readonly text: string;
  readonly needs?: readonly Setting[];
  /** The grant that it is about, where that does not follow from the RFC. */
  readonly grant?: OptionalGrant;
}

/** A grant that a server need not know; what is about it is then not applicable. */
export type OptionalGrant = 'token exchange' | 'JWT as authorization grant';

/** A requirement on an authorization server, and where it is written. */
export interface Requirement {
  readonly id: string;
  readonly rfc: number;
  readonly section: string;
  readonly level: Level;
  readonly text: string;
  readonly needs: readonly Setting[];
  readonly grant: OptionalGrant | null;
}

/** Adds what an id says: the number of the RFC, and the section. */
export function requirementOf({ id, level, text, needs = [], grant }: Entry): Requirement {
  const [, rfc = '', section = ''] = /^rfc(\d+)-([\dA-Z.]+)-/.exec(id) ?? [];
  const implied = rfc === '8693' ? 'token exchange' : null;
  return { id, rfc: Number(rfc), section, level, text, needs, grant: grant ?? implied };
}
