import type pg from 'pg';
import { ChainVerifier } from '../../audit/verify/chain-verifier.js';
import { faultLine, type Fault } from '../../audit/verify/fault.js';
import { readLog } from '../../audit/verify/read-log.js';
import { SealedRows } from '../../audit/verify/read-sealed.js';
import { verifyZoneLog } from '../../audit/verify/verify-zone-log.js';
import { parseCheckpoint } from '../../transparency-log/checkpoint.js';
import { BrokenFile } from './sealed-parts.js';
import type { Manifest } from './zone-file.js';

/**
 * Verifies the log of a zone that was written, as `mandate audit verify` does, and that it is the one of its last checkpoint.
 *
 * @param client in the transaction that has written it
 * @returns how many events it has
 * @throws {BrokenFile} if anything is wrong
 */
export async function checkLog(
  client: pg.Client,
  { zoneId, checkpoint }: Manifest,
): Promise<number> {
  const verifier = new ChainVerifier(refuse);
  for await (const item of readLog(client, zoneId)) verifier.add(item);
  verifier.end();
  const rows = new SealedRows(client);
  await verifyZoneLog(rows, zoneId, new Set(), refuse, () => {});
  const log = await rows.log(zoneId);
  const last = parseCheckpoint(checkpoint.body);
  const isIt =
    log?.origin === last?.origin &&
    log?.size === last?.size &&
    last?.root.equals(log?.root ?? NONE);
  if (isIt !== true) throw new BrokenFile('its audit log is not the one of its last checkpoint');
  return verifier.counts.events;
}

const NONE = Buffer.alloc(0);

/** The first fault is one too many. */
function refuse(fault: Fault): void {
  throw new BrokenFile(`its audit log does not verify: ${faultLine(fault)}`);
}
