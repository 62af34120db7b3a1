import { CustodyUnavailable } from '../sealing/key-encryption.js';

/** The keys of a zone, as far as it matters whether they sign. */
export interface KeysToTry {
  /**
   * Makes a signature that is good for nothing.
   *
   * @returns `false` if no key of the zone may sign
   * @throws {CustodyUnavailable} if what keeps the key is out of reach
   */
  tryToSign(now: number): Promise<boolean>;
}

/** The most zones of which one has to sign if the first does not. */
const MOST = 10;

/**
 * Makes a signature, as a request would. Of a few zones one that signs is enough: a zone whose own keys fail is
 * that zone's trouble, and would be on every replica. Where none signs, and a signer or a KMS is out of reach
 * for one of them, nothing can be issued here.
 *
 * @param zones in an order that is another one each time
 * @param now milliseconds since the epoch
 * @throws {CustodyUnavailable}
 */
export async function checkSigning(zones: readonly KeysToTry[], now: number): Promise<void> {
  const [first, ...others] = zones;
  if (first === undefined) return;
  const outcome = await outcomeOf(first, now);
  if (outcome === 'signed') return;
  const tried = others.slice(0, MOST - 1);
  const outcomes = await Promise.all(tried.map((zone) => outcomeOf(zone, now)));
  if (outcomes.includes('signed')) return;
  const away = [outcome, ...outcomes].find((one) => one instanceof CustodyUnavailable);
  if (away !== undefined) throw away;
}

async function outcomeOf(
  zone: KeysToTry,
  now: number,
): Promise<'signed' | 'broken' | CustodyUnavailable> {
  try {
    return (await zone.tryToSign(now)) ? 'signed' : 'broken';
  } catch (error) {
    return error instanceof CustodyUnavailable ? error : 'broken';
  }
}
