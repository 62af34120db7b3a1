import { subjectName } from '../mandates/generations.js';

/** The transaction in which it is done. */
interface Transaction {
  query<Rows>(text: string, values?: unknown[]): Promise<Rows>;
}

/** What can be taken back by its generation. */
export type TakenBack =
  | { readonly kind: 'zone' }
  | { readonly kind: 'client'; readonly id: string }
  | { readonly kind: 'resource'; readonly identifier: string }
  | { readonly kind: 'issuer'; readonly issuer: string }
  /** A user; an application as a subject is its client. `issuer` is `null` for a name of ours. */
  | { readonly kind: 'subject'; readonly issuer: string | null; readonly subject: string };

/**
 * Takes something back: raises its generation (`raise_generation` in generations.sql). What carries a lower one is not
 * honoured once the transaction is committed; what was being issued is committed before it, or never.
 *
 * @returns the generation that counts from then on; `null` if there is no such thing
 * @throws the driver's error
 */
export async function raiseGeneration(
  tx: Transaction,
  zoneId: string,
  what: TakenBack,
): Promise<number | null> {
  const [row] = await tx.query<{ raised: number | null }[]>(RAISE, [
    zoneId,
    what.kind,
    nameOf(zoneId, what),
  ]);
  return row?.raised ?? null;
}

function nameOf(zoneId: string, what: TakenBack): string {
  if (what.kind === 'zone') return zoneId;
  if (what.kind === 'client') return what.id;
  if (what.kind === 'resource') return what.identifier;
  return what.kind === 'issuer' ? what.issuer : subjectName(what.issuer, what.subject);
}

const RAISE = 'SELECT raise_generation($1, $2, $3) AS raised';
