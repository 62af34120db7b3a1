/** What one process asks of another: by name, with the types of the question and of its answer. */
export class Topic<Asked, Answer> {
  declare readonly types: readonly [Asked, Answer];

  constructor(readonly name: string) {}
}

/** What goes over a channel: a question, which is numbered if it is to be answered, an answer, or that there is none. */
type Message =
  | { readonly asks: string; readonly id: number | null; readonly body: unknown }
  | { readonly answers: number; readonly body: unknown }
  | { readonly fails: number };

/** Thrown where a question has no answer: the other process has failed to give one, or is gone. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One end of the channel between the primary process and a worker (`node:cluster`). Both ends are alike: either may
 * ask, and answers what it was told to answer.
 */
export class Link {
  private readonly pending = new Map<number, Pending>();
  private readonly answers = new Map<string, (asked: unknown) => unknown>();
  private lastId = 0;
  private closed = false;

  /** @param send hands a message to the other process. What cannot be sent any more is dropped */
  constructor(private readonly send: (message: object) => void) {}

  /** Sets what is answered to a question of the other process. @param give its error is not told to the other side */
  answer<Asked, Answer>(
    topic: Topic<Asked, Answer>,
    give: (asked: Asked) => Answer | Promise<Answer>,
  ): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both processes run the same build
    this.answers.set(topic.name, (asked) => give(asked as Asked));
  }

  /**
   * Asks the other process.
   *
   * @throws {NoAnswer}
   */
  ask<Asked, Answer>(topic: Topic<Asked, Answer>, asked: Asked): Promise<Answer> {
    if (this.closed) return Promise.reject(new NoAnswer(topic.name));
    const id = (this.lastId += 1);
    return new Promise((resolve, reject) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both processes run the same build
      this.pending.set(id, { resolve: (answer) => resolve(answer as Answer), reject });
      this.put({ asks: topic.name, id, body: asked });
    });
  }

  /** Tells the other process something, to which there is no answer. */
  tell<Asked>(topic: Topic<Asked, void>, asked: Asked): void {
    this.put({ asks: topic.name, id: null, body: asked });
  }

  /** To be called with each message that arrives. What is none of ours is left alone. */
  receive(message: unknown): void {
    if (typeof message !== 'object' || message === null) return;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- which of them it is, its members tell
    const received = message as Message;
    if ('asks' in received) void this.give(received.asks, received.id, received.body);
    else if ('answers' in received) this.take(received.answers)?.resolve(received.body);
    else if ('fails' in received) this.take(received.fails)?.reject(new NoAnswer());
  }

  /** To be called when the other process is gone: it answers nothing any more. */
  close(): void {
    this.closed = true;
    for (const { reject } of this.pending.values()) reject(new NoAnswer());
    this.pending.clear();
  }

  private async give(name: string, id: number | null, asked: unknown): Promise<void> {
    try {
      const answer = this.answers.get(name);
      if (answer === undefined) throw new NoAnswer(name);
      const body = await answer(asked);
      if (id !== null) this.put({ answers: id, body });
    } catch {
      if (id !== null) this.put({ fails: id });
    }
  }

  private take(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    return pending;
  }

  private put(message: Message): void {
    if (!this.closed) this.send(message);
  }
}

/** The injection token of the {@link Link} to the primary process; `null` in a process that is alone. */
export const PRIMARY = Symbol('Primary');
