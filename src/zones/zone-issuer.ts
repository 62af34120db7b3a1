/** Who the mandates of a zone are from: the zone by its path, by a host of its own, or the installation. */
export type IssuerMode = 'zone' | 'own' | 'shared';

/** An issuer that a zone had before. */
export interface FormerIssuer {
  readonly issuer: string;
  /** Until when its tokens are accepted, in milliseconds since the epoch. */
  readonly until: number;
}

/** What is stored of a zone's issuer. */
export interface StoredIssuer {
  readonly issuerMode: IssuerMode;
  /** Where the mode is `own`. */
  readonly issuerUrl: string | null;
}

/** What is stored of the issuer that a zone had before. */
export interface StoredFormerIssuer {
  readonly previousIssuer: string | null;
  /** Milliseconds since the epoch. */
  readonly previousIssuerUntil: number | null;
}

/** The issuer that a zone had before, whether or not its tokens are accepted still. */
export function formerIssuerOf(stored: StoredFormerIssuer): FormerIssuer | null {
  const { previousIssuer: issuer, previousIssuerUntil: until } = stored;
  return issuer === null || until === null ? null : { issuer, until };
}

/**
 * The path of a zone below the issuer of the installation, without a trailing slash.
 *
 * @param zoneId in lower case
 */
export function zonePath(zoneId: string): string {
  return `/zones/${zoneId}`;
}

/**
 * The issuer identifier of a zone (RFC 8414 2): the `iss` of its mandates, and what its metadata is found by.
 *
 * @param installation `ISSUER_URL`, without a trailing slash
 */
export function issuerOf(zoneId: string, stored: StoredIssuer, installation: string): string {
  switch (stored.issuerMode) {
    case 'zone':
      return `${installation}${zonePath(zoneId)}`;
    case 'own':
      if (stored.issuerUrl === null) throw new Error(`zone ${zoneId} has no issuer_url`);
      return stored.issuerUrl;
    case 'shared':
      return installation;
  }
}

/**
 * Where the endpoints of a zone are: its issuer, unless it shares that with others.
 *
 * @param installation `ISSUER_URL`, without a trailing slash
 * @returns without a trailing slash
 */
export function zoneUrlOf(zoneId: string, stored: StoredIssuer, installation: string): string {
  return stored.issuerMode === 'shared'
    ? `${installation}${zonePath(zoneId)}`
    : issuerOf(zoneId, stored, installation);
}
