/** A time in the largest unit in which it is a whole number. */
export function wholeUnits(seconds: number): {
  readonly unit: 'hour' | 'minute' | 'second';
  readonly count: number;
} {
  if (seconds % 3_600 === 0) return { unit: 'hour', count: seconds / 3_600 };
  if (seconds % 60 === 0) return { unit: 'minute', count: seconds / 60 };
  return { unit: 'second', count: seconds };
}
