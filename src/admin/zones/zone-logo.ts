import type { EntityManager } from 'typeorm';
import { logoDigest, logoPath, logoProblem } from '../../zones/logo.js';
import { unprocessable } from '../field-refusals.js';

/** The most characters of a logo as a body has it: 64 KiB in base64, and what is before it. */
export const MAX_LOGO_TEXT = 90_000;

/** A logo that is to be stored. */
export interface Logo {
  readonly digest: string;
  readonly content: Buffer;
}

/** Where the logo of a zone is. @param installation `ISSUER_URL` */
export function logoUriOf(digest: string, installation: string): string {
  return `${installation}${logoPath(digest)}`;
}

/**
 * Reads the logo of a zone as a body has it: in a `data:` URI (RFC 2397), or what the zone has, as it is shown.
 *
 * @param before the digest of the logo that the zone has
 * @returns `undefined` if it stays, `null` for none
 * @throws {UnprocessableEntityException} for an address elsewhere, since that would tell others who confirms what, and for what
 *   is no PNG image
 */
export function readLogo(
  asked: string | null | undefined,
  before: string | null,
  installation: string,
): Logo | null | undefined {
  if (asked === undefined || asked === null) return asked;
  if (before !== null && asked === logoUriOf(before, installation)) return undefined;
  const encoded = DATA_URI.exec(asked)?.[1];
  if (encoded === undefined) {
    throw unprocessable('logo_uri', 'unsupported', 'must be data:image/png;base64,… or as it is');
  }
  const content = Buffer.from(encoded, 'base64');
  const problem = logoProblem(content);
  if (problem !== null) throw unprocessable('logo_uri', 'no_logo', problem);
  return { digest: logoDigest(content), content };
}

/** Stores the logo of a zone, or removes it. Its digest is a column of the zone. */
export async function writeLogo(
  tx: EntityManager,
  zoneId: string,
  logo: Logo | null | undefined,
): Promise<void> {
  if (logo === undefined) return;
  if (logo === null) await tx.query('DELETE FROM zone_logos WHERE zone_id = $1', [zoneId]);
  else await tx.query(WRITE, [zoneId, logo.digest, logo.content]);
}

const DATA_URI =
  /^data:image\/png;base64,((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;

const WRITE = `INSERT INTO zone_logos (zone_id, digest, content) VALUES ($1, $2, $3)
  ON CONFLICT (zone_id) DO UPDATE SET digest = EXCLUDED.digest, content = EXCLUDED.content`;
