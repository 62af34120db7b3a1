import { UnprocessableEntityException } from '@nestjs/common';
import { isWithin } from './networks.js';

/** What bounds a key, and what it is to be like. */
export interface KeyTerms {
  readonly addresses: readonly string[] | null;
  readonly expiresAt: Date | null;
}

/** Whether a key is to be good for longer, or from more addresses, than the one that it is drawn with. */
export function isBeyond(by: KeyTerms, { addresses, expiresAt }: KeyTerms): boolean {
  const { addresses: networks, expiresAt: end } = by;
  if (end !== null && (expiresAt === null || expiresAt > end)) return true;
  if (networks === null) return false;
  return addresses === null || !addresses.every((each) => isWithin(each, networks));
}

/**
 * What a key is to be like that is drawn with another, within the bounds of that one: as far as nothing is said, the same. One
 * that was stolen could otherwise be made good for ever, and from anywhere.
 *
 * @param by the key that it is drawn with
 * @throws {UnprocessableEntityException} naming the member that is more
 */
export function boundedBy<T extends KeyTerms>(by: KeyTerms, wanted: T): T {
  const { addresses, expiresAt } = wanted;
  const networks = by.addresses;
  const wider =
    networks === null ? undefined : addresses?.find((each) => !isWithin(each, networks));
  if (wider !== undefined) {
    throw new UnprocessableEntityException(
      `addresses: the key that it is drawn with is not good from all of ${wider}`,
    );
  }
  if (by.expiresAt !== null && expiresAt !== null && expiresAt > by.expiresAt) {
    throw new UnprocessableEntityException(
      `expires_at: the key that it is drawn with is good until ${by.expiresAt.toISOString()}; an owner draws a longer one`,
    );
  }
  return {
    ...wanted,
    addresses: addresses ?? by.addresses,
    expiresAt: expiresAt ?? by.expiresAt,
  };
}
