import { EXIT, table, type CommandResult } from '../command-result.js';

/** What was measured of one channel, and what is promised of it. */
export interface Measured {
  readonly channel: string;
  /** Seconds after the answer to a revocation for which the mandate was still honoured; of each that was measured. */
  readonly seconds: readonly number[];
  /** How many mandates were still honoured when the bound was over, or the drill gave up. */
  readonly missed: number;
  /** Seconds; `null` if the zone states none. */
  readonly bound: number | null;
  /** Why nothing was measured. */
  readonly absent?: string;
}

/**
 * The value that a share of all are not above.
 *
 * @param share from 0 to 1
 * @returns `null` of none
 */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

/** Whether a channel took longer than is promised of it. */
export function exceeds({ seconds, missed, bound, absent }: Measured): boolean {
  if (absent !== undefined) return false;
  return missed > 0 || (bound !== null && seconds.some((one) => one > bound));
}

/** The result of a drill: what each channel took, against what is stated. */
export function reportOf(
  zoneId: string,
  count: number,
  channels: readonly Measured[],
): CommandResult {
  const rows = channels.map((one) => ({
    channel: one.channel,
    ...(one.absent === undefined
      ? {
          measured: one.seconds.length,
          missed: one.missed,
          p50: rounded(percentile(one.seconds, 0.5)),
          p99: rounded(percentile(one.seconds, 0.99)),
          worst: rounded(percentile(one.seconds, 1)),
        }
      : { absent: one.absent }),
    bound: one.bound,
    within_bound: !exceeds(one),
  }));
  const exceeded = channels.some(exceeds);
  return {
    code: exceeded ? EXIT.wrong : EXIT.done,
    json: { zone_id: zoneId, revoked: count, channels: rows },
    lines: [
      `${count} revocations in zone ${zoneId}; seconds for which mandates were honoured after the answer`,
      ...table([
        ['channel', 'p50', 'p99', 'worst', 'bound', ''],
        ...channels.map((one) => [
          one.channel,
          ...(one.absent === undefined
            ? [0.5, 0.99, 1].map((share) => textOf(percentile(one.seconds, share)))
            : ['-', '-', '-']),
          one.bound === null ? '-' : String(one.bound),
          one.absent ?? (exceeds(one) ? `EXCEEDED${missedText(one)}` : 'within it'),
        ]),
      ]),
    ],
  };
}

function missedText({ missed }: Measured): string {
  return missed === 0 ? '' : `, ${missed} never refused`;
}

function rounded(seconds: number | null): number | null {
  return seconds === null ? null : Math.round(seconds * 1_000) / 1_000;
}

function textOf(seconds: number | null): string {
  return seconds === null ? '-' : seconds.toFixed(3);
}
