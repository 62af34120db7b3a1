/**
 * What is known of requests, kept on the request itself. A `WeakMap` says the same, but its entries cost the garbage
 * collector much for what lives as shortly as a request does. As with that, a copy (`{ ...request }`) has nothing kept.
 *
 * @typeParam T what is kept; never `undefined`
 */
export class KeptOn<T> {
  private readonly key: symbol;

  /** @param name what it is, for whoever looks at a request in a debugger */
  constructor(name: string) {
    this.key = Symbol(name);
  }

  /** What is kept on an object; `undefined` if nothing is. */
  get(on: object): T | undefined {
    const kept = slotsOf<T>(on)[this.key];
    return kept?.on === on ? kept.value : undefined;
  }

  /** Keeps something on an object from now on. */
  set(on: object, value: T): void {
    slotsOf<T>(on)[this.key] = { on, value };
  }
}

/** What is kept, and on what: a copy of that has the same slots. */
interface Kept<T> {
  readonly on: object;
  readonly value: T;
}

function slotsOf<T>(on: object): Record<symbol, Kept<T> | undefined> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nobody else has the key
  return on as Record<symbol, Kept<T> | undefined>;
}
