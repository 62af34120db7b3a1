/** A number as text, such as an amount of money: exact, however many places it has. */
const DECIMAL = /^(-?)(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,12}))?$/;
const PLACES = 12;

/** The units of the last place that is counted. */
const ONE = 10n ** BigInt(PLACES);

/**
 * Reads a decimal number: at most 15 digits before the point and 12 after it, no exponent, no sign but `-`, no leading
 * zeros.
 *
 * @returns it in units of 10^-12; `null` for another text
 */
export function readDecimal(text: string): bigint | null {
  const [, sign, whole, fraction = ''] = DECIMAL.exec(text) ?? [];
  if (whole === undefined) return null;
  const units = BigInt(whole) * ONE + BigInt(fraction.padEnd(PLACES, '0'));
  return sign === '-' ? -units : units;
}

/** The greatest whole number that is not above it. */
export function floorOf(units: bigint): number {
  const whole = units / ONE;
  return Number(units < 0n && units % ONE !== 0n ? whole - 1n : whole);
}

/** The least whole number that is not below it. */
export function ceilOf(units: bigint): number {
  return -floorOf(-units);
}
