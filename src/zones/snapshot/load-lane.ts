/** Raised at once if so many wait for a lane that another one would wait for too long. */
export class LaneFull extends Error {
  override readonly name = 'LaneFull';
  constructor() {
    super('too many wait already');
  }
}

/** A lane for work of which only some may be under way at once. The rest waits its turn, in order. */
export class LoadLane {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  /**
   * @param max how many may be under way
   * @param maxWaiting how many more may wait
   */
  constructor(
    private readonly max: number,
    private readonly maxWaiting: number,
  ) {}

  /**
   * Does a piece of work when its turn comes.
   *
   * @throws {LaneFull}
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running < this.max) this.running += 1;
    else if (this.waiting.length >= this.maxWaiting) throw new LaneFull();
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      // Whoever is next takes over the place.
      const next = this.waiting.shift();
      if (next === undefined) this.running -= 1;
      else next();
    }
  }
}
