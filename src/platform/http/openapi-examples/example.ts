/** An example of a body or of an answer, as the document shows it. */
export interface Example {
  readonly summary: string;
  readonly value: unknown;
}

/** The examples of an operation: of what it is sent, and of what it answers, by status. */
export interface Examples {
  readonly body?: Readonly<Record<string, Example>>;
  readonly answers?: Readonly<Record<string, Example>>;
}

/** The examples of a room, by operation id. */
export type ExamplesOf = Readonly<Record<string, Examples>>;
