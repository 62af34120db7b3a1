/** What can be wrong with what was recorded. */
export type FaultKind =
  'changed' | 'removed' | 'added' | 'reordered' | 'backdated' | 'head' | 'checkpoint' | 'form';

/** One thing that is not as it was recorded, and where. */
export interface Fault {
  /** `head`: what is kept of a chain beside its events; `form`: what cannot be read at all. */
  readonly kind: FaultKind;
  readonly zone: string | null;
  /** Whose chain of the zone. */
  readonly writer: string | null;
  /** The number of the event in its chain, or the first and the last of several. */
  readonly seq: number | null;
  readonly lastSeq: number | null;
  /** The id of the event; `null` where it is not there, or there are several. */
  readonly id: string | null;
  /** In words, on one line. */
  readonly why: string;
}

/** Is told of each fault when it is found, so that nobody has to remember them all. */
export type FaultSink = (fault: Fault) => void;

/** A fault in one line for people. */
export function faultLine({ kind, zone, writer, seq, lastSeq, id, why }: Fault): string {
  const which = seq === lastSeq || lastSeq === null ? seq : `${seq}-${lastSeq}`;
  const place = [
    zone === null ? null : `zone ${zone}`,
    writer === null ? null : `writer ${writer}`,
    which === null ? null : `seq ${which}`,
    id === null ? null : `event ${id}`,
  ].filter((part) => part !== null);
  return printable(`${kind}: ${place.length === 0 ? '' : `${place.join(', ')}: `}${why}`);
}

/** A fault as JSON for programs. */
export function faultJson({ lastSeq, ...fault }: Fault): Record<string, unknown> {
  return { ...fault, last_seq: lastSeq };
}

/** A text without what a terminal would take for more than text: it may come from whoever changed the log. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}
