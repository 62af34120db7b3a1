/** The stages of a token request, by the names that `docs/exchange.md`, metrics and audit events have for them, in their order. */
export const STAGES = [
  'parse',
  'identify',
  'authenticate',
  'limit',
  'resolve',
  'bind',
  'delegate',
  'target',
  'authorize',
  'clear',
  'hold',
  'mint',
  'record',
] as const;

/** The name of a stage. */
export type Stage = (typeof STAGES)[number];
