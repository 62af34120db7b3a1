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

/** What withdrawing a policy set version came to. */
export interface WithdrawnPolicy {
  /** By which mandates name it (`pol`); `null` if there is no such version, and then nothing was done. */
  readonly pol: string | null;
  /** Whether the zone decides by it, or by the same policies; then nothing was done. */
  readonly isActive: boolean;
}

/**
 * Takes back what a policy set version has allowed, and with it what any other version of the same policies has
 * (`withdraw_policy` in generations.sql). The active one is not withdrawn: another one is to be activated before.
 *
 * @throws the driver's error
 */
export async function withdrawPolicy(
  tx: Transaction,
  zoneId: string,
  setVersionId: string,
): Promise<WithdrawnPolicy> {
  const [row] = await tx.query<WithdrawnPolicy[]>(WITHDRAW, [zoneId, setVersionId]);
  return row ?? { pol: null, isActive: false };
}

function nameOf(zoneId: string, what: TakenBack): string {
  switch (what.kind) {
    case 'zone':
      return zoneId;
    case 'client':
      return what.id;
    case 'resource':
      return what.identifier;
    case 'issuer':
      return what.issuer;
    case 'subject':
      return subjectName(what.issuer, what.subject);
  }
}

const RAISE = 'SELECT raise_generation($1, $2, $3) AS raised';

const WITHDRAW = 'SELECT pol, is_active AS "isActive" FROM withdraw_policy($1, $2)';
