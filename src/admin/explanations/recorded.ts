import type { RecordedEvent } from '../../ledger/audit-log.service.js';

/** An object within an audit event. */
export type RecordedObject = RecordedEvent;

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is RecordedObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member of a recorded object, by its path; `undefined` if there is none. */
export function memberAt(event: RecordedObject, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined),
    event,
  );
}

/** A member that is text; `null` if it is absent or something else: events of versions before say less. */
export function textAt(event: RecordedObject, ...path: readonly string[]): string | null {
  const value = memberAt(event, ...path);
  return typeof value === 'string' ? value : null;
}

/** A member that is a number; `null` if it is absent or something else. */
export function numberAt(event: RecordedObject, ...path: readonly string[]): number | null {
  const value = memberAt(event, ...path);
  return typeof value === 'number' ? value : null;
}

/** The texts in a member that is a list of them; `null` if it is absent or something else. */
export function textsAt(event: RecordedObject, ...path: readonly string[]): string[] | null {
  const value = memberAt(event, ...path);
  if (!Array.isArray(value)) return null;
  return value.filter((each): each is string => typeof each === 'string');
}

/** The objects in a member that is a list of them; none if it is absent or something else. */
export function recordsAt(event: RecordedObject, ...path: readonly string[]): RecordedObject[] {
  const value = memberAt(event, ...path);
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
