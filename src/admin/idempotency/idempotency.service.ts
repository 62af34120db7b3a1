import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Request, Response } from 'express';
import type { DataSource } from 'typeorm';
import { OAuthError } from '../../oauth/errors.js';
import { OPERATORS } from '../../platform/database/operators-connections.js';
import { requestIdOf } from '../../platform/http/request-id.js';
import { Sealing } from '../../sealing/sealing.service.js';
import {
  answerLost,
  answerOf,
  decryptAnswer,
  drawAnswerKey,
  encryptAnswer,
  replay,
  reused,
  underWay,
  type Answer,
} from './kept-answer.js';
import { claim, complete, find, type KeptRequest } from './kept-requests.js';
import { keyedRequest, type KeyedRequest } from './keyed-request.js';
import { CarriedOutBefore, OneCommit, type AnswerKey } from './one-commit.js';

/** The most keys that one operator has in use. */
const MOST_KEYS = 20_000;

/**
 * Carries out a request of an operator once, however often it comes with the same `Idempotency-Key`
 * (draft-ietf-httpapi-idempotency-key-header-07), on whichever replica, and gives each of them the first answer. Keys are
 * the operator's own, for one method and path, and kept for 24 hours. What was refused is not kept: it may be tried again.
 */
@Injectable()
export class Idempotency {
  /** What this process works on, so that a twin need not wait for it. */
  private readonly here = new Set<string>();

  constructor(
    @InjectDataSource(OPERATORS) private readonly dataSource: DataSource,
    private readonly sealing: Sealing,
  ) {}

  /**
   * @param handle carries the request out. @returns the body of the answer
   * @returns the body of the answer, which may be one of before
   * @throws {HttpException} 409 for one that is under way, or whose answer was not kept; 422 for another request with the key
   * @throws {OAuthError} invalid_request for a malformed key, slow_down for too many; and what `handle` throws
   */
  async once(
    request: Request,
    response: Response,
    handle: () => Promise<unknown>,
  ): Promise<unknown> {
    const keyed = keyedRequest(request);
    if (keyed === null) return handle();
    if (this.here.has(keyed.id)) throw underWay();
    this.here.add(keyed.id);
    try {
      const before = await this.answerBefore(request, response, keyed);
      if (before !== null) return before.body;
      return await this.carryOut(request, response, keyed, handle);
    } finally {
      this.here.delete(keyed.id);
    }
  }

  private async carryOut(
    request: Request,
    response: Response,
    keyed: KeyedRequest,
    handle: () => Promise<unknown>,
  ): Promise<unknown> {
    const answerKey = await this.newAnswerKey(keyed);
    // What is removed is looked for afterwards, where it can be seen only once that is committed.
    const waits = request.method !== 'DELETE';
    const commit = new OneCommit(keyed, requestIdOf(request), answerKey, waits);
    try {
      const body = await handle();
      // It was answered that it took too long; and so it is not to have happened.
      if (response.headersSent) throw new Error('it took too long to be answered');
      const answer = answerOf(response, body);
      if (!(await commit.answer(answer))) await this.keepAfter(commit, answer, answerKey);
      return body;
    } catch (error) {
      await commit.answer(asError(error)).catch(() => {});
      if (!(error instanceof CarriedOutBefore)) throw error;
      const before = await this.answerBefore(request, response, keyed);
      if (before === null) throw underWay();
      return before.body;
    } finally {
      answerKey.key.fill(0);
    }
  }

  /** What was answered before, written into the response; `null` if the request is new. */
  private async answerBefore(
    request: Request,
    response: Response,
    keyed: KeyedRequest,
  ): Promise<{ readonly body: unknown } | null> {
    const { kept, full } = await find(this.dataSource.manager, keyed, MOST_KEYS);
    if (kept !== null) {
      if (!kept.fingerprint.equals(keyed.fingerprint)) throw reused();
      return { body: replay(response, await this.open(request, keyed, kept)) };
    }
    if (full) {
      throw new OAuthError('slow_down', 'too many Idempotency-Keys of this operator are in use', {
        retryAfter: 3_600,
      });
    }
    return null;
  }

  private async open(
    { method }: Request,
    keyed: KeyedRequest,
    { sealedKey, answer, requestId }: KeptRequest,
  ): Promise<Answer> {
    if (sealedKey === null || answer === null) {
      // It is gone, or going.
      if (method === 'DELETE') return { status: 204, headers: {} };
      throw answerLost(requestId);
    }
    const key = await this.sealing.open(contextOf(keyed), sealedKey);
    try {
      return decryptAnswer(key, keyed, answer);
    } finally {
      key.fill(0);
    }
  }

  /** Keeps the answer to what was committed before, or is recorded in another way than changes are. */
  private async keepAfter(
    { hasTaken, request, requestId }: OneCommit,
    answer: Answer,
    { key, sealed }: AnswerKey,
  ): Promise<void> {
    const { manager } = this.dataSource;
    const taken = hasTaken || (await claim(manager, request, requestId, sealed));
    if (taken) await complete(manager, request, encryptAnswer(key, request, answer));
  }

  private async newAnswerKey(keyed: KeyedRequest): Promise<AnswerKey> {
    const key = drawAnswerKey();
    return { key, sealed: await this.sealing.seal(contextOf(keyed), key) };
  }
}

function contextOf({ zoneId, id }: KeyedRequest) {
  return { purpose: 'idempotent-answer-key', zoneId, id } as const;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('a handler failed', { cause: thrown });
}
