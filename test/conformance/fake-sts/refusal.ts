/** An error response of the fake server. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: string,
    readonly status = 400,
    readonly challenge: string | null = null,
  ) {
    super(code);
  }
}
