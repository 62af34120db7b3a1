import type { LastCheckpoint } from '../../evidence/last-checkpoint.service.js';
import { NO_ZONE } from '../../ledger/entry.js';
import { isUuid } from '../../oauth/vocabulary.js';
import { BrokenFile } from './sealed-parts.js';
import type { MovedDays } from './moved-days.js';

/** The format of files. */
const FORMAT = 1;

/** What is in clear in front of a file: for which key it is sealed, and the key of the rest. */
export interface FileHead {
  readonly key: string;
  /** JWE in compact form (RFC 7516), ECDH-ES with A256GCM. */
  readonly jwe: string;
}

/** Which versions of policy sets decide, and are tried out; `null` for none. */
export interface ZonePolicies {
  readonly active: string | null;
  readonly shadow: string | null;
}

/** The first line that is sealed. */
export interface Manifest {
  /** The key that the file is sealed for: whoever opens it cannot pass it on to another installation. */
  readonly key: string;
  readonly zoneId: string;
  readonly name: string;
  readonly move: string;
  /** `ISSUER_URL` of the sender. */
  readonly from: string;
  /** The last migration of its database. */
  readonly schema: string;
  readonly days: MovedDays;
  /** The versions of policy sets that the zone refers to. */
  readonly policies: ZonePolicies;
  /** How far the {@link COUNTERS} of the sender are. */
  readonly counters: Readonly<Record<string, number>>;
  readonly checkpoint: LastCheckpoint;
}

export function formatHead(head: FileHead): string {
  return JSON.stringify({ mandate_zone: FORMAT, ...head });
}

/** @throws {BrokenFile} */
export function parseHead(line: string): FileHead {
  const { mandate_zone: format, key, jwe } = objectIn(line);
  if (typeof format !== 'number') throw new BrokenFile('the file is none of a zone');
  if (format !== FORMAT) throw new BrokenFile(`the file has the format ${format}, not ${FORMAT}`);
  if (typeof key !== 'string' || !isUuid(key) || typeof jwe !== 'string') {
    throw new BrokenFile('the file is not as it was written');
  }
  return { key, jwe };
}

/**
 * Reads the manifest of a file.
 *
 * @param key the key that the file is sealed for, by its head
 * @throws {BrokenFile}
 */
export function parseManifest(line: string, key: string): Manifest {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each member is looked at
  const given = objectIn(line) as Partial<Manifest>;
  const { zoneId, move, name, from, schema, days, checkpoint, policies, counters } = given;
  const texts = [zoneId, move, name, from, schema, checkpoint?.body, checkpoint?.note];
  const isWhole =
    texts.every((text) => typeof text === 'string') &&
    [days, policies, counters].every((one) => typeof one === 'object' && one !== null);
  if (!isWhole || !isUuid(zoneId ?? '') || !isUuid(move ?? '') || !URL.canParse(from ?? '')) {
    throw new BrokenFile('the file does not say what it is');
  }
  // The id under which the installation keeps what is of no zone.
  if (zoneId === NO_ZONE) throw new BrokenFile('it is of no zone');
  if (given.key !== key) throw new BrokenFile('it was written for another installation');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it was looked at
  return given as Manifest;
}

/** Reads the line with what the sender has signed of the manifest. @throws {BrokenFile} */
export function parseSigned(line: string): { readonly signed: string } {
  const { signed } = objectIn(line);
  if (typeof signed !== 'string') throw new BrokenFile('it is not signed');
  return { signed };
}

function objectIn(line: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(line));
  } catch {
    throw new BrokenFile('the file is none of a zone');
  }
}
