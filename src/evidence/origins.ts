/**
 * The name of the installation's log when it begins: host and path of the issuer, without its scheme (C2SP tlog-checkpoint,
 * "origin").
 *
 * @param issuerUrl `ISSUER_URL`
 */
export function originOf(issuerUrl: string): string {
  const { host, pathname } = new URL(issuerUrl);
  // A name of a key has no plus (C2SP signed-note).
  return `${host}${pathname.replace(/\/+$/, '')}/audit`.replaceAll('+', '%2B');
}

/** The name of a zone's log when it begins. */
export function zoneOriginOf(installation: string, zoneId: string): string {
  return `${installation}/zones/${zoneId}`;
}
