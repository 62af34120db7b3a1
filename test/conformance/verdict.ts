/** Thrown by a check: the server does not do what the requirement says. The message says what it did. */
export class Unmet extends Error {
  override readonly name = 'Unmet';
}

/** Thrown by a check: the requirement is about something that this server does not do, and need not do. */
export class NotApplicable extends Error {
  override readonly name = 'NotApplicable';
}

/** Thrown by a check: it says nothing, since a request that has to succeed before it was refused. */
export class Blocked extends Error {
  override readonly name = 'Blocked';
}

/** @throws {Unmet} unless it is so */
export function must(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Unmet(otherwise);
}

/** @throws {NotApplicable} unless it is so */
export function applies(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new NotApplicable(otherwise);
}
