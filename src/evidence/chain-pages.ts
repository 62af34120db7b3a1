import type { Queries } from './queries.js';

/** A chain, as a place among all of them: they are in the order of their zones, and then of their writers. */
export interface ChainPlace {
  readonly zoneId: string;
  readonly writer: string;
}

/** Chains that stand in a row: those behind the first place, up to the last, which is one of them. */
export interface ChainPage {
  readonly behind: ChainPlace;
  readonly upTo: ChainPlace;
}

/** In front of all chains, and behind them. */
export const FIRST: ChainPlace = {
  zoneId: '00000000-0000-0000-0000-000000000000',
  writer: '00000000-0000-0000-0000-000000000000',
};
const LAST: ChainPlace = {
  zoneId: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
  writer: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
};

/** Chains that one statement looks at, at most. They take a tenth of a second, and a statement may take no more than one. */
const CHAINS_OF_PAGE = 50_000;

/**
 * Cuts all chains into pages. An installation has a chain for each zone, and each process that has recorded something of it
 * in all the days that are kept: of many zones more than one statement can look at in its time.
 *
 * @param from the place behind which the first page begins
 * @param most chains of a page
 */
export async function* chainPages(
  db: Queries,
  from: ChainPlace = FIRST,
  most = CHAINS_OF_PAGE,
): AsyncGenerator<ChainPage, void> {
  let behind = from;
  for (;;) {
    // Asked by itself, so that the statement about the page is planned for what is in it.
    // oxlint-disable-next-line no-await-in-loop
    const [end] = await db.query<ChainPlace[]>(END, [behind.zoneId, behind.writer, most]);
    yield { behind, upTo: end ?? LAST };
    if (end === undefined) return;
    behind = end;
  }
}

/** The parameters of a page, as the first four of a statement. */
export function pageValues({ behind, upTo }: ChainPage): string[] {
  return [behind.zoneId, behind.writer, upTo.zoneId, upTo.writer];
}

/** The chains of a page as `c`, each with what is in the log of its zone as `h`. The bounds of `h` follow from those of `c`. */
export const CHAINS_OF = `(SELECT c.zone_id, c.writer, c.seq FROM audit_chains c
      WHERE (c.zone_id, c.writer) > ($1::uuid, $2::uuid) AND (c.zone_id, c.writer) <= ($3::uuid, $4::uuid)) AS c
    LEFT JOIN (SELECT h.zone_id, h.writer, h.seq FROM evidence_heads h
      WHERE (h.zone_id, h.writer) > ($1::uuid, $2::uuid) AND (h.zone_id, h.writer) <= ($3::uuid, $4::uuid)) AS h
      ON h.zone_id = c.zone_id AND h.writer = c.writer`;

const END = `SELECT c.zone_id AS "zoneId", c.writer FROM audit_chains c
  WHERE (c.zone_id, c.writer) > ($1::uuid, $2::uuid) ORDER BY c.zone_id, c.writer OFFSET $3::integer - 1 LIMIT 1`;
