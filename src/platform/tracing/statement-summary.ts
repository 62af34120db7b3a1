const FIRST = /^\s*(?:--[^\n]*\n\s*)*([A-Za-z]+)/;
const TARGETS: Readonly<Record<string, RegExp>> = {
  SELECT: /\bFROM\s+"?([a-z_][a-z0-9_]*)/i,
  INSERT: /\bINTO\s+"?([a-z_][a-z0-9_]*)/i,
  UPDATE: /\bUPDATE\s+"?([a-z_][a-z0-9_]*)/i,
  DELETE: /\bFROM\s+"?([a-z_][a-z0-9_]*)/i,
};
/** What a statement of ours begins with that calls a function. */
const CALL = /^\s*SELECT\s+(?:\*\s+FROM\s+)?([a-z_][a-z0-9_]*)\s*\(/i;

/** What a statement does and to what, in words that there are few of: never its values. */
export interface StatementSummary {
  readonly operation: string;
  readonly summary: string;
}

/** Summarizes an SQL statement, such as `SELECT clients`. */
export function summarize(statement: string): StatementSummary {
  const operation = FIRST.exec(statement)?.[1]?.toUpperCase() ?? 'SQL';
  const target = CALL.exec(statement)?.[1] ?? TARGETS[operation]?.exec(statement)?.[1];
  return { operation, summary: target === undefined ? operation : `${operation} ${target}` };
}
