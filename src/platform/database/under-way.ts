/** What is done with each item, and how much of it at once. */
export interface UnderWayTerms<Item> {
  /** The most items at once. */
  readonly most: number;
  readonly idOf: (item: Item) => string;
  /** What items have a smaller bound together for, such as their receiver. */
  readonly groupOf: (item: Item) => string;
  /** Does what is to be done with one. */
  readonly work: (item: Item) => Promise<void>;
  /** The work has thrown. */
  readonly onFailure: (item: Item, error: unknown) => void;
  /** One is over: there is room for another. */
  readonly onOver: () => void;
}

/** Items that are worked on side by side, each until it is over: what hangs holds up no other. */
export class UnderWay<Item> {
  private readonly items = new Map<
    string,
    { readonly group: string; readonly over: Promise<void> }
  >();

  constructor(private readonly terms: UnderWayTerms<Item>) {}

  /** How many there are. */
  get size(): number {
    return this.items.size;
  }

  /** How many more there may be. */
  get room(): number {
    return Math.max(0, this.terms.most - this.items.size);
  }

  /** How many there are of each group. */
  byGroup(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { group } of this.items.values()) counts.set(group, (counts.get(group) ?? 0) + 1);
    return counts;
  }

  /** Begins with one. */
  begin(item: Item): void {
    const { idOf, groupOf, work, onFailure, onOver } = this.terms;
    const id = idOf(item);
    const over = work(item)
      .catch((error: unknown) => onFailure(item, error))
      .finally(() => {
        this.items.delete(id);
        onOver();
      });
    this.items.set(id, { group: groupOf(item), over });
  }

  /** Waits until all that were begun are over. */
  async over(): Promise<void> {
    await Promise.all([...this.items.values()].map(({ over }) => over));
  }
}
