/** Mandates for which one list has room: 128 KiB of bits, which is next to nothing as long as most are 0. */
export const LIST_SIZE = 1_048_576;

/** A status list: the mandates of a zone that expire within one hour, or as many of them as one list has room for. */
export interface StatusList {
  readonly zoneId: string;
  /** Hours since 1970: its mandates expire within this one. */
  readonly hour: number;
  /** From 0 on: which of the lists of that hour. */
  readonly number: number;
}

/** The hour in which something expires. @param exp seconds since the epoch */
export function hourOf(exp: number): number {
  return Math.floor(exp / 3_600);
}

const NAME = /^(\d{1,7})-(\d{1,5})$/;

/** The last part of the path of a list. */
export function nameOf({ hour, number }: Omit<StatusList, 'zoneId'>): string {
  return `${hour}-${number}`;
}

/** Reads the last part of the path of a list. @returns `null` if {@link nameOf} gives no such name */
export function readName(name: string): Omit<StatusList, 'zoneId'> | null {
  const [, hour, number] = NAME.exec(name) ?? [];
  const list = { hour: Number(hour), number: Number(number) };
  return nameOf(list) === name ? list : null;
}

/** The URI of a list. @param base where the zone was when the list began, without a trailing slash */
export function uriOf(base: string, list: Omit<StatusList, 'zoneId'>): string {
  return `${base}/status/${nameOf(list)}`;
}
