import { setImmediate as nextTurn } from 'node:timers/promises';
import { unavailable } from '../../oauth/errors.js';
import { PerShard } from './shard-scope.js';

/** Bounds of {@link JoinedReads}. */
export interface JoinedReadLimits {
  /** The most questions that one statement answers. */
  readonly joined: number;
  /** The most questions that wait for a statement; more are refused at once. */
  readonly waiting: number;
}

interface Waiting<Q, A> {
  readonly question: Q;
  readonly resolve: (answer: A) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Questions to the database that are answered by one statement together: those of one turn of the event loop go at once,
 * and while they are under way, those that come are gathered for the next. So however many ask, and whatever they invent, they take one connection, and each answer is of
 * a moment after its question.
 *
 * Where the database is distributed, those of each shard are together: they are asked at the shard that the work was about
 * which asks, and none waits for a node that is away.
 */
export class JoinedReads<Q, A> {
  private readonly lines: PerShard<Line<Q, A>>;

  /** @param read answers questions, in their order, by one statement */
  constructor(read: (questions: readonly Q[]) => Promise<readonly A[]>, limits: JoinedReadLimits) {
    this.lines = new PerShard((at) => new Line((questions) => at(() => read(questions)), limits));
  }

  /**
   * Asks a question, once for all who wait for the same.
   *
   * @param name the same for the same question
   * @throws {OAuthError} temporarily_unavailable if too many wait; the driver's error
   */
  ask(name: string, question: Q): Promise<A> {
    return this.lines.current.ask(name, question);
  }
}

/** Those who wait for one statement after the other. */
class Line<Q, A> {
  /** By name, in the order in which they came. */
  private readonly waiting = new Map<string, Waiting<Q, A>>();
  /** What those who wait will get, by the same names. */
  private readonly answers = new Map<string, Promise<A>>();
  private reading = false;

  constructor(
    private readonly read: (questions: readonly Q[]) => Promise<readonly A[]>,
    private readonly limits: JoinedReadLimits,
  ) {}

  ask(name: string, question: Q): Promise<A> {
    const same = this.answers.get(name);
    if (same !== undefined) return same;
    if (this.waiting.size >= this.limits.waiting) {
      return Promise.reject(unavailable('too much waits to be looked up'));
    }
    const answer = new Promise<A>((resolve, reject) => {
      this.waiting.set(name, { question, resolve, reject });
    });
    this.answers.set(name, answer);
    if (!this.reading) void this.readAll();
    return answer;
  }

  private async readAll(): Promise<void> {
    this.reading = true;
    while (this.waiting.size > 0) {
      // What is about to be asked in this turn, by requests that came together, goes along.
      await nextTurn();
      await this.readNext();
    }
    this.reading = false;
  }

  private async readNext(): Promise<void> {
    const next = [...this.waiting].slice(0, this.limits.joined);
    for (const [name] of next) {
      this.waiting.delete(name);
      this.answers.delete(name);
    }
    try {
      const answers = await this.read(next.map(([, { question }]) => question));
      if (answers.length !== next.length) throw new Error('not as many answers as questions');
      next.forEach(([, { resolve }], n) => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- there are as many
        resolve(answers[n] as A);
      });
    } catch (error) {
      for (const [, { reject }] of next) reject(error);
    }
  }
}
