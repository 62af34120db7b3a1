import type {
  EntityManager,
  EntityTarget,
  FindOptionsWhere,
  ObjectLiteral,
  QueryDeepPartialEntity,
} from 'typeorm';
import type { Made } from './audited-changes.service.js';
import { entityTag, type Precondition } from './entity-tag.js';
import { findRow } from './find-row.js';

/** A kind of thing that operators administer: where it is kept, and how it is shown. */
export interface Administered<Row extends ObjectLiteral, View extends object> {
  readonly entity: EntityTarget<Row>;
  /** What it is called where there is none, such as `policy set`. */
  readonly noun: string;
  /** What audit events call it that have it, such as `policy_set`. */
  readonly recordedAs: string;
  /** Shows one; its entity tag is that of the view. */
  readonly view: (tx: EntityManager, row: Row) => View | Promise<View>;
}

/** The id of a row, and what else it must have, such as its zone. */
export type RowId<Row extends ObjectLiteral> = FindOptionsWhere<Row> & { readonly id: string };

/**
 * Finds what a request is to change or to remove.
 *
 * @throws {NotFoundException} if there is none
 * @throws {PreconditionFailedException} if it is another than `If-Match` says
 */
export async function findMatching<Row extends ObjectLiteral, View extends object>(
  tx: EntityManager,
  { entity, noun, view }: Administered<Row, View>,
  where: RowId<Row>,
  precondition: Precondition,
): Promise<{ readonly row: Row; readonly view: View }> {
  const row = await findRow(tx.getRepository(entity), where, noun);
  const shown = await view(tx, row);
  precondition.check(entityTag(shown));
  return { row, view: shown };
}

/**
 * Changes columns of what a request is to change. To be called within `AuditedChanges.run`.
 *
 * @param columnsOf which columns are to be written of what there is; it may refuse, too
 * @returns the view of it afterwards; the audit event has both views
 * @throws {HttpException} 404, 412, and what `columnsOf` throws
 */
export async function changeColumns<Row extends ObjectLiteral, View extends object>(
  tx: EntityManager,
  kind: Administered<Row, View>,
  where: RowId<Row>,
  precondition: Precondition,
  columnsOf: (before: Row) => QueryDeepPartialEntity<Row> | Promise<QueryDeepPartialEntity<Row>>,
): Promise<Made<View>> {
  const rows = tx.getRepository(kind.entity);
  const { row, view: before } = await findMatching(tx, kind, where, precondition);
  const columns = await columnsOf(row);
  if (Object.keys(columns).length > 0) await rows.update(where, columns);
  const result = await kind.view(tx, await rows.findOneByOrFail(where));
  return { result, details: { before, after: result } };
}
