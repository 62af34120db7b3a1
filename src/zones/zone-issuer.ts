/** Who the mandates of a zone are from: the zone by its path, by a host of its own, or the installation. */
export const ISSUER_MODES = ['zone', 'own', 'shared'] as const;

/** See {@link ISSUER_MODES}. */
export type IssuerMode = (typeof ISSUER_MODES)[number];

/** An issuer that a zone had before. */
export interface FormerIssuer {
  readonly issuer: string;
  /** Until when its tokens are accepted, in milliseconds since the epoch. */
  readonly until: number;
}

/** The issuers that a zone goes by at one moment. */
export interface AcceptedIssuers {
  /** The one that it mints, and that its metadata names. */
  readonly issuer: string;
  /** The one before, as long as that is accepted. */
  readonly formerIssuer: string | null;
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
  /** Milliseconds for which it was accepted still when this was read, by the database's clock; negative for no more. */
  readonly previousIssuerFor: number | null;
}

/**
 * The issuer that a zone had before, whether or not its tokens are accepted still.
 *
 * @param askedAt when the database was asked, by the clock that `until` is compared with: the two need not agree
 */
export function formerIssuerOf(stored: StoredFormerIssuer, askedAt: number): FormerIssuer | null {
  const { previousIssuer: issuer, previousIssuerFor: left } = stored;
  return issuer === null || left === null ? null : { issuer, until: askedAt + left };
}

/**
 * The issuers that a zone goes by.
 *
 * @param now milliseconds since the epoch
 */
export function issuersAt(
  { issuer, formerIssuer }: { readonly issuer: string; readonly formerIssuer: FormerIssuer | null },
  now: number,
): AcceptedIssuers {
  const isAccepted = formerIssuer !== null && now < formerIssuer.until;
  return { issuer, formerIssuer: isAccepted ? formerIssuer.issuer : null };
}

/** Whether a name is one that a zone goes by. */
export function isOwnIssuer({ issuer, formerIssuer }: AcceptedIssuers, name: unknown): boolean {
  return name === issuer || (formerIssuer !== null && name === formerIssuer);
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
  const { issuerMode, issuerUrl } = stored;
  if (issuerMode === 'shared') return installation;
  if (issuerMode === 'zone') return `${installation}${zonePath(zoneId)}`;
  if (issuerUrl === null) throw new Error(`zone ${zoneId} has no issuer_url`);
  return issuerUrl;
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
