import type { EntityManager } from 'typeorm';
import type { RequestId } from '../../platform/http/request-id.js';
import { encryptAnswer, type Answer } from './kept-answer.js';
import type { KeyedRequest } from './keyed-request.js';
import { claim, complete } from './kept-requests.js';

/** A key, and under what it is sealed. */
export interface AnswerKey {
  readonly key: Buffer;
  readonly sealed: Buffer;
}

/** Thrown by a change whose request was carried out before, by somebody else. It undoes the change. */
export class CarriedOutBefore extends Error {
  override readonly name = 'CarriedOutBefore';
}

const commits = new WeakMap<RequestId, OneCommit>();

/** The {@link OneCommit} of a request; `null` if it has no `Idempotency-Key`. */
export function oneCommitOf(requestId: RequestId): OneCommit | null {
  return commits.get(requestId) ?? null;
}

/**
 * Puts a change and what is answered to the request for it into one transaction, for a request that may come again: either
 * both are there, or neither. The transaction is held until the handler has said what it answers, which it does from what
 * the change has returned.
 *
 * A handler that makes several changes has each committed when the next one begins, and its answer with the last one.
 */
export class OneCommit {
  /** Ends the wait of the transaction that is held now. */
  private settle: ((answer: Answer | null | Error) => void) | null = null;
  private committed: Promise<unknown> = Promise.resolve();
  private taken = false;
  private afterwards: (() => Promise<void>)[] = [];

  /**
   * @param waits whether a change is to wait for the answer; otherwise only the key is in its transaction
   */
  constructor(
    readonly request: KeyedRequest,
    readonly requestId: RequestId,
    private readonly answerKey: AnswerKey,
    private readonly waits: boolean,
  ) {
    commits.set(requestId, this);
  }

  /** Whether a transaction was committed that took the key. */
  get hasTaken(): boolean {
    return this.taken;
  }

  /**
   * Runs a transaction, and returns what is made in it before it is committed.
   *
   * @param run runs the transaction. It calls `begin` first, and `hold` with what it has made, and commits after that
   * @returns what was given to `hold`, else what `run` returns
   */
  async run<T>(run: (held: HeldTransaction<T>) => Promise<T>): Promise<T> {
    if (this.settle !== null) await this.answer(null);
    return new Promise<T>((resolve, reject) => {
      let isChange = false;
      const committed = run({
        begin: (tx) => this.begin(tx),
        hold: async (tx, made) => {
          isChange = true;
          if (!this.waits) return;
          const answer = new Promise<Answer | null | Error>((settle) => {
            this.settle = settle;
          });
          resolve(made);
          await this.keep(tx, await answer);
        },
      }).then((made) => {
        this.taken ||= isChange;
        return made;
      });
      this.committed = committed;
      committed.then(resolve, reject);
    });
  }

  /**
   * Lets the transaction that is held, if one is, be committed, and waits for that.
   *
   * @param answer what is kept in it; `null` if nothing is known yet, an error if it is to be undone
   * @returns whether there was one, and so the answer is kept
   * @throws what the transaction failed with
   */
  async answer(answer: Answer | null | Error): Promise<boolean> {
    const { settle } = this;
    if (settle === null) return false;
    this.settle = null;
    settle(answer);
    await this.committed;
    for (const then of this.afterwards.splice(0)) {
      // oxlint-disable-next-line no-await-in-loop -- in the order in which they were asked for
      await then();
    }
    return true;
  }

  /** Does something once the change that was made last is committed, and before it is answered. */
  async whenCommitted(then: () => Promise<void>): Promise<void> {
    if (this.settle === null) await then();
    else this.afterwards.push(then);
  }

  /** Takes the key in a transaction. @throws {CarriedOutBefore} if it is taken */
  private async begin(tx: EntityManager): Promise<void> {
    if (await claim(tx, this.request, this.requestId, this.answerKey.sealed)) return;
    throw new CarriedOutBefore('a request with this Idempotency-Key was carried out before');
  }

  private async keep(tx: EntityManager, answer: Answer | null | Error): Promise<void> {
    if (answer instanceof Error) throw answer;
    if (answer === null) return;
    await complete(tx, this.request, encryptAnswer(this.answerKey.key, this.request, answer));
  }
}

/** What a transaction does for a request that may come again. */
export interface HeldTransaction<T> {
  /** Takes the key. To be called before anything is changed. */
  begin(tx: EntityManager): Promise<void>;
  /** Hands out what was made, and waits until it is known what is answered. To be called before what takes no time. */
  hold(tx: EntityManager, made: T): Promise<void>;
}
