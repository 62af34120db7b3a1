import { issuerOf, type AcceptedIssuers, type StoredIssuer } from './zone-issuer.js';

/** The transaction or connection that is read on. */
interface Reading {
  query<Rows>(text: string, values?: unknown[]): Promise<Rows>;
}

const ISSUERS = `
  SELECT issuer_mode AS "issuerMode", issuer_url AS "issuerUrl",
         CASE WHEN previous_issuer_until > clock_timestamp() THEN previous_issuer END AS "formerIssuer"
    FROM zones WHERE id = $1`;

/**
 * Reads the issuers that a zone goes by at this moment, by the database's clock: for what is decided in a transaction
 * instead of on a snapshot.
 *
 * @param installation `ISSUER_URL`
 * @returns `null` for an unknown zone
 */
export async function readIssuers(
  on: Reading,
  zoneId: string,
  installation: string,
): Promise<AcceptedIssuers | null> {
  const [row] = await on.query<(StoredIssuer & Pick<AcceptedIssuers, 'formerIssuer'>)[]>(ISSUERS, [
    zoneId,
  ]);
  if (row === undefined) return null;
  return { issuer: issuerOf(zoneId, row, installation), formerIssuer: row.formerIssuer };
}
